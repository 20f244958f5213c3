package dev.palimpsest.app.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.lab.answer.Spans;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Problems, how they are asked, and when they are answered. */
final class ProblemTest {

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      nullValues = "none",
      value = {
        "24+7=31. Answer: 22|22",
        "Answer:22|22",
        "Answer: 21 so Answer: 22|22",
        "Answer: New York \\nThat is all.|New York",
        "Answer:\\n  22  \\n|22",
        "Answer: 22\\nAnswer:|none",
        "22|none",
        "answer: 22|none",
      })
  void theAnswerFollowsTheLastMarkToTheEndOfItsLine(String text, String answer) {
    String lines = text.replace("\\n", "\n");
    assertThat(Spans.answer(lines, Spans.ANSWER)).isEqualTo(Optional.ofNullable(answer));
    for (String right : List.of("22", "New York")) {
      assertThat(problem(right).isAnsweredBy(lines, Spans.ANSWER)).isEqualTo(right.equals(answer));
    }
  }

  @Test
  void aPatternOfOnesOwnTakesItsGroupWhereItMatchesLast() {
    Pattern pattern = Pattern.compile("#### (-?[0-9,]+)|nothing");
    assertThat(problem("7").isAnsweredBy("#### 5 #### 7 or nothing", pattern)).isTrue();
    assertThat(problem("5").isAnsweredBy("#### 5 #### 7", pattern)).isFalse();
    assertThat(problem("5").isAnsweredBy("Answer: 5", pattern)).isFalse();
  }

  @Test
  void aProblemIsKnownByItsIdOrItsLine(@TempDir Path folder) throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("problems.jsonl"),
            """
            {"id": "gsm-7", "prompt": "a", "answer": " 1 ", "question": "unused"}

            {"id": 12, "prompt": "b", "answer": "2"}
            {"prompt": "c", "answer": "3", "steps": 4}
            """);
    assertThat(Problem.read(file))
        .containsExactly(
            new Problem("gsm-7", "a", "1", Optional.empty()),
            new Problem("12", "b", "2", Optional.empty()),
            new Problem("4", "c", "3", Optional.of(4)));
  }

  @Test
  void gsm8kAndAimeAreReadAsTheyArePublished(@TempDir Path folder) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("published.jsonl"),
            """
            {"question": "a", "answer": "2 + 3 = <<2+3=5>>5\\n#### 1,250"}
            {"ID": "2024-I-1", "Problem": "b", "Solution": "so", "Answer": 25}
            {"id": 3, "problem": "c", "answer": "073"}
            {"question": "d", "answer": "000"}
            {"prompt": "e", "answer": "007"}
            """);
    List<Problem> problems = Problem.read(file);
    assertThat(problems)
        .containsExactly(
            new Problem("1", "a", "1250", Optional.empty()),
            new Problem("2024-I-1", "b", "25", Optional.empty()),
            new Problem("3", "c", "73", Optional.empty()),
            new Problem("4", "d", "0", Optional.empty()),
            new Problem("5", "e", "007", Optional.empty()));
    Path table = folder.resolve("published.parquet");
    try (Connection duckDb = DuckDb.open();
        Statement statement = duckDb.createStatement()) {
      statement.execute(
          "COPY (SELECT 'a' AS question, 'so #### 7' AS answer UNION ALL SELECT 'b', '#### 8') TO %s"
              .formatted(DuckDb.quoted(table)));
    }
    assertThat(Problem.read(table)).extracting(Problem::answer).containsExactly("7", "8");
    Files.writeString(table, "no table");
    assertThatThrownBy(() -> Problem.read(table))
        .hasMessageContaining("published.parquet: it cannot be read as Parquet: ");
  }

  @Test
  void aTemplateSaysWhatIsAskedAndAPatternWhatIsAnAnswer() {
    String[] plain = {"eval", "--limit", "3", "--json", "--steps", "48", "--gen-length", "48"};
    JsonNode asked = eval(plain, "--prompt-template", "{prompt} ");
    for (JsonNode each : asked.path("outcomes").values()) {
      assertThat(each.path("prompt").stringValue()).endsWith("? ").doesNotContain("{prompt}");
    }
    assertThat(asked.path("outcomes").path(2).path("id").stringValue()).isEqualTo("3");
    JsonNode first = eval(plain, "--answer-pattern", "=(\\d+)\\. Answer");
    assertThat(first.path("right").intValue()).isEqualTo(eval(plain).path("right").intValue());
    assertThat(eval(plain, "--answer-pattern", "(never)").path("right").intValue()).isZero();
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({"eval", "compare"})
  void aTemplateWithoutAPlaceAndAPatternWithoutAGroupAreRefused(String command) {
    Outcome template = Outcome.of(command, "--prompt-template", "Solve this.");
    assertThat(template.code()).isEqualTo(2);
    assertThat(template.err().lines())
        .singleElement()
        .asString()
        .contains("--prompt-template \"Solve this.\" has no {prompt}");
    Outcome pattern = Outcome.of(command, "--answer-pattern", "#### .*");
    assertThat(pattern.code()).isEqualTo(2);
    assertThat(pattern.err()).contains("--answer-pattern #### .* has 0 groups");
  }

  private static JsonNode eval(String[] arguments, String... more) {
    String[] all = Arrays.copyOf(arguments, arguments.length + more.length);
    System.arraycopy(more, 0, all, arguments.length, more.length);
    Outcome outcome = Outcome.of(all);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return new JsonMapper().readTree(outcome.out());
  }

  private static Problem problem(String answer) {
    return new Problem("1", "", answer, Optional.empty());
  }
}
