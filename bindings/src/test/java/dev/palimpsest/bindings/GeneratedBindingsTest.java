package dev.palimpsest.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What jextract is asked for is what it has generated, and what is used. */
final class GeneratedBindingsTest {
  private static final Path MODULE =
      Path.of(System.getProperty("palimpsest.home", ".."), "bindings");

  private static Set<String> found(String pattern, String text) {
    Set<String> names = new TreeSet<>();
    Pattern.compile(pattern)
        .matcher(text)
        .results()
        .map((MatchResult result) -> result.group(1))
        .forEach(names::add);
    return names;
  }

  private static String text(Stream<Path> files) throws IOException {
    StringBuilder text = new StringBuilder();
    for (Path file : (Iterable<Path>) files::iterator) {
      text.append(Files.readString(file));
    }
    return text.toString();
  }

  private static Set<String> asked(String library, String kind) throws IOException {
    Path list = MODULE.resolve("jextract").resolve(library + "-" + kind + "s.txt");
    return found("--include-" + kind + " (\\w+)", Files.readString(list));
  }

  @ParameterizedTest
  @CsvSource({"driver, CudaDriver, cuda", "cublaslt, CublasLt, cublas"})
  void functionsAndConstantsAreGeneratedAndUsed(String library, String type, String folder)
      throws IOException {
    Path generated = Path.of("src/generated/java/dev/palimpsest/bindings", folder, type + ".java");
    String text = Files.readString(MODULE.resolve(generated));
    Set<String> functions = asked(library, "function");
    Set<String> constants = asked(library, "constant");
    assertThat(found("private static class (\\w+)", text)).isEqualTo(functions);
    assertThat(found("private static final \\w+ (\\w+) =", text)).isEqualTo(constants);
    Set<String> used;
    try (Stream<Path> files = Files.walk(MODULE.resolve("src/main/java"))) {
      used = found("\\b" + type + "(?:\\.|::)(\\w+)", text(files.filter(Files::isRegularFile)));
    }
    assertThat(used).containsAll(functions).containsAll(constants);
  }

  @Test
  void structsAreGeneratedAndUsed() throws IOException {
    Path folder = Path.of("dev/palimpsest/bindings/cublas");
    String used;
    try (Stream<Path> files = Files.list(MODULE.resolve("src/main/java").resolve(folder))) {
      used = text(files);
    }
    for (String struct : asked("cublaslt", "struct")) {
      assertThat(MODULE.resolve("src/generated/java").resolve(folder).resolve(struct + ".java"))
          .exists();
      assertThat(used).contains(struct);
    }
  }
}
