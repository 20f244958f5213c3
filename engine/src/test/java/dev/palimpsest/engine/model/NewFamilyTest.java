package dev.palimpsest.engine.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * docs/new-family.md is true: its family is compiled from the page, and the tests that it adds pass
 * in an engine that is loaded with it.
 */
final class NewFamilyTest {
  private static final Path HOME = Path.of("..");
  private static final String CLASS_PATH = System.getProperty("java.class.path", "");

  /** The path of a file, and below it the file's text or a change of it. */
  private static final Pattern FILE =
      Pattern.compile("`(engine/src/[^`]+)`[^`]*\n\n```(java|json|diff)\n(.*?)```", Pattern.DOTALL);

  @TempDir static Path folder;

  /** A file of the page. */
  private record Change(String path, String language, String text) {
    /** The whole file, changed if the page has a change of it. */
    String file() {
      if (!language.equals("diff")) {
        return text;
      }
      String before = lines(" -");
      String file = read(HOME.resolve(path));
      assertThat(file).as("%s, which the page changes", path).containsOnlyOnce(before);
      return file.replace(before, lines(" +"));
    }

    /** The lines of a change that begin with one of these characters, without it. */
    String lines(String marks) {
      return text.lines()
          .filter(line -> marks.indexOf(line.charAt(0)) >= 0)
          .map(line -> line.substring(1) + "\n")
          .collect(Collectors.joining());
    }
  }

  private static List<Change> changes() {
    return FILE.matcher(read(HOME.resolve("docs").resolve("new-family.md")))
        .results()
        .map(each -> new Change(each.group(1), each.group(2), each.group(3)))
        .toList();
  }

  @BeforeAll
  static void compileThePage() throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("-proc:none", "-cp", CLASS_PATH, "-d", classes().toString()));
    for (Change change : changes()) {
      Path file = folder.resolve(change.path());
      Files.createDirectories(file.resolveSibling(""));
      Files.writeString(file, change.file());
      if (change.path().endsWith(".java")) {
        arguments.add(file.toString());
      }
    }
    int result =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, arguments.toArray(String[]::new));
    assertThat(result).as("javac's result; what it found is above").isZero();
  }

  @Test
  void itsFamilyHasItsNumberOfParameters() throws ReflectiveOperationException, IOException {
    String row =
        changes().stream()
            .filter(change -> change.path().endsWith("/FamiliesTest.java"))
            .map(change -> change.lines("+"))
            .collect(Collectors.joining());
    run(
        "dev.palimpsest.engine.model.FamiliesTest",
        "aPublishedConfigurationHasThePublishedNumberOfParameters",
        row.replaceAll("[\"\\s]|,\\s*$", "").split(",", -1));
  }

  @Test
  void itsConfigurationIsRefusedWhereTheEngineLacksSomething()
      throws ReflectiveOperationException, IOException {
    run(
        "dev.palimpsest.engine.model.FamiliesTest",
        "whatTheEngineLacksIsRefusedByKeyAndValue",
        "vellum-1b",
        "attention_sinks",
        "4");
  }

  @Test
  void itsForwardIsThatOfPlainLoops() throws ReflectiveOperationException, IOException {
    run("dev.palimpsest.engine.backend.host.VellumTest", "logitsAreThoseOfPlainLoops");
  }

  private static Path classes() {
    return folder.resolve("classes");
  }

  /** Runs a test of the page as JUnit would, in classes of which the page's come first. */
  private static void run(String tests, String test, String... arguments)
      throws ReflectiveOperationException, IOException {
    List<URL> urls = new ArrayList<>();
    urls.add(url(classes()));
    urls.add(url(folder.resolve("engine").resolve("src").resolve("test").resolve("resources")));
    for (String entry : CLASS_PATH.split(File.pathSeparator, -1)) {
      urls.add(url(Path.of(entry)));
    }
    try (URLClassLoader loader =
        new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
      Class<?> type = loader.loadClass(tests);
      Constructor<?> constructor = type.getDeclaredConstructor();
      constructor.setAccessible(true);
      Object instance = constructor.newInstance();
      for (Field field : type.getDeclaredFields()) {
        if (field.getType() == Path.class) {
          field.setAccessible(true);
          field.set(instance, Files.createDirectories(folder.resolve("model")));
        }
      }
      Class<?>[] types = Stream.of(arguments).map(_ -> String.class).toArray(Class<?>[]::new);
      Method method = type.getDeclaredMethod(test, types);
      method.setAccessible(true);
      method.invoke(instance, Arrays.copyOf(arguments, arguments.length, Object[].class));
    }
  }

  private static URL url(Path path) throws MalformedURLException {
    return path.toUri().toURL();
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
