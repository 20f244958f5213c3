package dev.palimpsest.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.STRING;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each example with the bundled model, and README's program, which is the first of them. */
final class ExamplesTest {
  private static final Path HOME = Path.of("..");
  private static final String MODEL = HOME.resolve("models").resolve("abacus-mdm").toString();
  private static final String PROMPT =
      "Maya has 24 marbles. First she buys 7 more. Then she gives 9 to Omar. How many marbles does"
          + " Maya have now?";
  private static final String TEXT = "24+7=31. 31-9=22. Answer: 22";

  @Test
  void aTextIsWritten() {
    assertThat(printed(() -> Generate.main(new String[] {MODEL, PROMPT}))).isEqualTo(TEXT + "\n");
  }

  @Test
  void everyStepIsShown() {
    assertThat(printed(() -> StreamSnapshots.main(new String[] {MODEL, PROMPT})).lines())
        .hasSize(48)
        .first()
        .asString()
        .contains("_______");
    assertThat(printed(() -> StreamSnapshots.main(new String[] {MODEL, PROMPT})).lines())
        .last()
        .asString()
        .startsWith(" 47 " + TEXT);
  }

  @Test
  void manyTextsAreWrittenTogether() {
    String both = printed(() -> Batch.main(new String[] {MODEL, PROMPT, PROMPT}));
    assertThat(both.lines()).hasSize(2).allMatch(line -> line.matches(".+ \\(\\d+ forwards\\)"));
    assertThat(both.lines().distinct()).hasSize(1);
  }

  @Test
  void aTraceIsBranched() {
    String trace = HOME.resolve("docs").resolve("gallery").resolve("01.trace.jsonl.zst").toString();
    String same = printed(() -> BranchTrace.main(new String[] {MODEL, trace, "38", "1", "9"}));
    assertThat(same).isEqualTo("29-6=23. 23-5=18. 18+8=36. 36+5=31. 31-3=38. Answer: 38\n");
    assertThat(printed(() -> BranchTrace.main(new String[] {MODEL, trace, "38", "1", "7"})))
        .startsWith("27-6=");
  }

  @ParameterizedTest
  @CsvSource({
    "--enable-native-access=ALL-UNNAMED, --add-modules jdk.incubator.vector",
    "--add-modules=jdk.incubator.vector --illegal-native-access=deny,"
        + " --enable-native-access=ALL-UNNAMED",
  })
  void aFlagThatTheJvmLacksIsNamed(String given, String missing)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(given.split(" ", -1)));
    command.addAll(
        List.of(
            "-cp", System.getProperty("java.class.path"), Generate.class.getName(), MODEL, PROMPT));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isNotZero();
    assertThat(said.lines().filter(line -> line.contains("Exception")).toList())
        .first(STRING)
        .contains("DeviceException: the JVM")
        .endsWith("start it with " + missing);
  }

  @Test
  void readmesProgramIsTheFirstExample() throws IOException {
    String example =
        Files.readString(
            Path.of("src", "main", "java", "dev", "palimpsest", "examples", "Generate.java"));
    String readme = Files.readString(HOME.resolve("README.md"));
    String program = readme.substring(readme.indexOf("```java\n") + "```java\n".length());
    program = program.substring(0, program.indexOf("```"));
    assertThat(program.lines().filter(line -> !line.isBlank())).hasSizeLessThanOrEqualTo(12);
    assertThat(lines(example)).containsSubsequence(lines(program));
  }

  private static String[] lines(String program) {
    return program
        .lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty())
        .toArray(String[]::new);
  }

  private static String printed(Runnable program) {
    PrintStream out = System.out;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      program.run();
    } finally {
      System.setOut(out);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
