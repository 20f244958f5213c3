package dev.palimpsest.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

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
