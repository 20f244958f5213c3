package dev.palimpsest.app.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.app.ChildProcess;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.app.terminal.Cli;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code score}: every row has its likelihood, or says why not. */
final class ScoreCommandTest {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final String AR = Cli.home().resolve("models/abacus-ar").toString();
  private static final String ROWS =
      """
      {"id": "right", "prompt": "Omar has 5 beads.", "completion": " 5+4=9", "answer": 9}

      {"id": 7, "prompt_ids": [4, 5, 6], "completion_ids": [7, 8, 9]}
      {"prompt_ids": [4, 5, 6], "completion": " 9"}
      {"id": "none", "prompt": "Omar"}
      {"id": "both", "prompt": "Omar", "prompt_ids": [1], "completion": " 9"}
      {"id": "empty", "prompt": "Omar", "completion_ids": []}
      {"id": "unknown", "prompt_ids": [4], "completion_ids": [5, 99999]}
      {"id": "words", "prompt_ids": [4], "completion_ids": ["5"]}
      {"id": "wrong
      [1]
      """;

  @TempDir private Path folder;

  private Path rows(String lines) throws IOException {
    return Files.writeString(folder.resolve("rows.jsonl"), lines);
  }

  private static Outcome score(Path in, String... options) {
    return Outcome.of(
        Stream.concat(Stream.of("score", in.toString()), Arrays.stream(options))
            .toArray(String[]::new));
  }

  private static List<JsonNode> lines(Outcome outcome) {
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return outcome.out().lines().map(MAPPER::readTree).toList();
  }

  @Test
  void everyRowHasALikelihoodOrAnErrorOfItsOwnAndTheSummaryThePerplexity() throws IOException {
    Outcome outcome = score(rows(ROWS), "--method", "chain");
    List<JsonNode> results = lines(outcome);
    assertThat(results)
        .extracting(each -> each.path("id").asString())
        .containsExactly(
            "right", "7", "4", "none", "both", "empty", "unknown", "words", "10", "11");
    double sum = 0;
    for (JsonNode each : results.subList(0, 3)) {
      assertThat(each.propertyNames())
          .containsExactly("id", "logprob", "tokens", "token_logprobs", "full_mask_logprobs");
      assertThat(each.path("token_logprobs").size()).isEqualTo(each.path("tokens").intValue());
      assertThat(
              each.path("token_logprobs").values().stream()
                  .mapToDouble(JsonNode::doubleValue)
                  .sum())
          .isCloseTo(each.path("logprob").doubleValue(), within(1e-9));
      // The first token of the chain is one of the full mask.
      assertThat(each.path("token_logprobs").path(0))
          .isEqualTo(each.path("full_mask_logprobs").path(0));
      sum += each.path("logprob").doubleValue();
    }
    assertThat(results.stream().skip(3))
        .extracting(each -> each.path("error").asString())
        .satisfiesExactly(
            why ->
                assertThat(why)
                    .isEqualTo(
                        "the row has no completion: give one of completion and completion_ids"),
            why -> assertThat(why).contains("has prompt and prompt_ids: give one"),
            why -> assertThat(why).contains("nothing to score"),
            why -> assertThat(why).contains("completion id 99999 at position 1 is no token"),
            why -> assertThat(why).contains("completion_ids holds \"5\", which is no id"),
            why -> assertThat(why).contains("the line is not JSON"),
            why -> assertThat(why).isEqualTo("the row is no JSON object"));
    assertThat(outcome.err())
        .contains("7 of 10 rows have an error; the first is row none: the row has no completion")
        .contains("chain: 10 rows, ")
        .contains("perplexity");
    Path file = folder.resolve("out.jsonl");
    Outcome kept =
        score(
            folder.resolve("rows.jsonl"), "--method", "chain", "--out", file.toString(), "--json");
    assertThat(file).hasContent(outcome.out());
    JsonNode summary = MAPPER.readTree(kept.out());
    int tokens = summary.path("tokens").intValue();
    assertThat(summary.path("logprob").doubleValue()).isCloseTo(sum, within(1e-9));
    assertThat(summary.path("perplexity").doubleValue())
        .isCloseTo(Math.exp(-sum / tokens), within(1e-9));
    assertThat(summary.path("nfe").intValue()).isEqualTo(tokens);
    assertThat(summary.path("errors").intValue()).isEqualTo(7);
  }

  @Test
  void theLikelihoodIsThatOfWhatComesOnlyAndTheBetterSumIsMoreProbable() throws IOException {
    Path rows =
        rows(
            """
            {"prompt": "Omar has 5 beads. First he buys 4 more. How many beads does Omar have now?", "completion": " 5+4=9"}
            {"prompt": "Omar has 5 beads. First he buys 4 more. How many beads does Omar have now?", "completion": " 7+7=3"}
            """);
    for (String[] options :
        List.of(
            new String[] {"--method", "chain"},
            new String[] {"--method", "elbo_mc", "--samples", "64"},
            new String[] {"--method", "coupled", "--samples", "32"},
            new String[] {"--model", AR})) {
      List<JsonNode> results = lines(score(rows, options));
      assertThat(results.get(0).path("logprob").doubleValue())
          .as(String.join(" ", options))
          .isGreaterThan(results.get(1).path("logprob").doubleValue() + 1);
    }
  }

  @Test
  void aRowHasTheSameNumbersAloneAndAmongOthersAndWithItsSeedAlone() throws IOException {
    String row = "{\"id\": \"x\", \"prompt_ids\": [4, 5, 6], \"completion_ids\": [7, 8, 9, 10]}\n";
    String other = "{\"prompt_ids\": [4, 5], \"completion_ids\": [7, 8, 9, 10, 11]}\n";
    for (String method : List.of("elbo_mc", "coupled")) {
      String[] options = {"--method", method, "--samples", "16", "--seed", "5"};
      JsonNode alone = lines(score(rows(row), options)).getFirst();
      assertThat(alone.path("standard_error").doubleValue()).isPositive();
      assertThat(lines(score(rows(other.repeat(40) + row + other), options)).get(40))
          .isEqualTo(alone);
      options[5] = "6";
      assertThat(lines(score(rows(row), options)).getFirst()).isNotEqualTo(alone);
    }
    JsonNode exact = lines(score(rows(row), "--method", "elbo_exact")).getFirst();
    assertThat(exact.has("standard_error")).isFalse();
    JsonNode many = lines(score(rows(row), "--method", "coupled", "--samples", "400")).getFirst();
    assertThat(many.path("logprob").doubleValue())
        .isCloseTo(
            exact.path("logprob").doubleValue(),
            within(5 * many.path("standard_error").doubleValue()));
  }

  @Test
  void theDefaultIsTheBoundOfLladaAndExactForACausalModel() throws IOException {
    Path rows = rows("{\"prompt_ids\": [4, 5, 6], \"completion_ids\": [7, 8]}\n");
    Outcome masked = score(rows, "--json");
    assertThat(lines(masked).getFirst().has("standard_error")).isTrue();
    JsonNode summary = MAPPER.readTree(masked.err().substring(masked.err().indexOf('{')));
    assertThat(summary.path("method").asString()).isEqualTo("elbo_mc");
    assertThat(summary.path("samples").intValue()).isEqualTo(128);
    assertThat(summary.path("nfe").intValue()).isEqualTo(129);
    Outcome causal = score(rows, "--model", AR);
    assertThat(lines(causal).getFirst().propertyNames())
        .containsExactly("id", "logprob", "tokens", "token_logprobs");
    assertThat(causal.err()).contains("exact: 1 row, 2 tokens, 1 forward (NFE), ");
  }

  @Test
  void parquetComesAndGoesAndAPipeIsAnsweredLineByLine() throws Exception {
    Path rows = rows(ROWS.lines().limit(5).reduce("", (some, line) -> some + line + "\n"));
    Path table = folder.resolve("rows.parquet");
    try (Connection connection = DuckDb.open();
        Statement statement = connection.createStatement()) {
      statement.execute(
          "COPY (FROM read_json('%s', format = 'newline_delimited')) TO '%s' (FORMAT parquet)"
              .formatted(rows, table));
    } catch (SQLException e) {
      throw new IOException(e);
    }
    List<JsonNode> expected = lines(score(rows, "--method", "chain"));
    Path out = folder.resolve("out.parquet");
    Outcome written = score(table, "--method", "chain", "--out", out.toString());
    assertThat(written.code()).as(written.err()).isZero();
    assertThat(written.out()).contains("perplexity");
    List<JsonNode> found = DuckDb.rows(out).stream().map(MAPPER::readTree).toList();
    assertThat(found).hasSameSizeAs(expected);
    for (int row = 0; row < found.size(); row++) {
      for (String column : List.of("logprob", "tokens", "token_logprobs", "error")) {
        assertThat(found.get(row).path(column).asString(""))
            .as("%s of row %d", column, row)
            .isEqualTo(expected.get(row).path(column).asString(""));
      }
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactlyInAnyOrder(rows, table, out);
    }

    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream(Files.readAllBytes(rows)));
      assertThat(lines(score(Path.of("-"), "--method", "chain"))).isEqualTo(expected);
    } finally {
      System.setIn(before);
    }
  }

  @Test
  void whoWritesARowAndWaitsIsAnsweredBeforeTheNext() throws Exception {
    Process process =
        ChildProcess.start(folder, List.of("score", "-", "--method", "chain", "--quiet"));
    try (OutputStream in = process.getOutputStream()) {
      for (int row = 1; row <= 2; row++) {
        in.write(
            "{\"prompt_ids\": [4], \"completion_ids\": [5, 6]}\n".getBytes(StandardCharsets.UTF_8));
        in.flush();
        while (Files.readAllLines(folder.resolve("out")).size() < row) {
          assertThat(process.isAlive()).as(Files.readString(folder.resolve("err"))).isTrue();
          Thread.sleep(20);
        }
      }
    }
    assertThat(process.waitFor()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2 | --method best | --method best is unknown: use chain, elbo_mc, elbo_exact, coupled or",
        "2 | --samples 0 | --samples 0 is invalid: use 1 to 65,536",
        "2 | --method chain --samples 4 | --samples 4 is of no use to the method chain",
        "2 | --method exact --seed 4 | --seed 4 is of no use to the method exact",
        "2 | --method exact | --method exact is not defined for a model that fills masks",
        "2 | --method chain --model AR | --method chain masks tokens, and the model writes from",
        "2 | --model AR --samples 4 | --samples 4 is of no use to the method exact",
        "2 | --out x.csv | --out x.csv has an unknown kind: use .jsonl or .parquet",
        "2 | --out ROWS | is the file",
        "1 | --model no/such | no/such",
        "1 | --out no/such/x.jsonl | there is no such file, or no folder for it",
      })
  void whatIsWrongIsSaidInASentence(int code, String options, String said) throws IOException {
    Path rows = rows("{\"prompt_ids\": [4], \"completion_ids\": [5]}\n");
    Outcome outcome =
        score(rows, options.replace("AR", AR).replace("ROWS", rows.toString()).split(" ", -1));
    assertThat(outcome.code()).as(outcome.err()).isEqualTo(code);
    assertThat(outcome.err()).contains(said).hasLineCount(1);
    assertThat(outcome.out()).isEmpty();
  }

  @Test
  void aFileThatIsNoneOfRowsIsRefused() throws IOException {
    assertThat(score(folder.resolve("rows.csv")).err())
        .contains("rows.csv has an unknown kind: use .jsonl, .ndjson, .parquet or -");
    assertThat(score(folder.resolve("none.jsonl")).err())
        .contains("none.jsonl: there is no such file of rows that can be read.");
    Path table = Files.writeString(folder.resolve("broken.parquet"), "PAR1");
    assertThat(score(table).err()).contains("broken.parquet: it cannot be read");
  }

  private static Stream<JsonNode> recomputed() throws IOException {
    Path file = Cli.home().resolve("tests/src/test/resources/scores.jsonl");
    return Files.readAllLines(file).stream().map(MAPPER::readTree);
  }

  /** {@code tests/oracle/likelihoods.py} made the lines, from the formulas alone. */
  @ParameterizedTest
  @MethodSource("recomputed")
  void everyNumberIsThatOfTheIndependentRecomputation(JsonNode line) throws IOException {
    Path model =
        Cli.home().resolve("tests/src/test/resources/oracle").resolve(text(line.path("model")));
    Path row = rows(line + "\n");
    List<String> options =
        new ArrayList<>(
            List.of("--model", model.toString(), "--method", text(line.path("method"))));
    for (String drawn : List.of("samples", "seed")) {
      if (line.has(drawn)) {
        options.addAll(List.of("--" + drawn, text(line.path(drawn))));
      }
    }
    JsonNode found = lines(score(row, options.toArray(String[]::new))).getFirst();
    assertThat(found.path("tokens").intValue()).isEqualTo(line.path("completion_ids").size());
    for (String name : List.of("logprob", "standard_error")) {
      assertThat(found.has(name)).as(name).isEqualTo(line.has(name));
      requireClose(found.path(name), line.path(name));
    }
    for (String name : List.of("token_logprobs", "full_mask_logprobs")) {
      assertThat(found.path(name).size()).as(name).isEqualTo(line.path(name).size());
      for (int token = 0; token < line.path(name).size(); token++) {
        requireClose(found.path(name).path(token), line.path(name).path(token));
      }
    }
    if (line.has("expectation")) {
      String[] bound = {"--model", model.toString(), "--method", "elbo_exact"};
      requireClose(lines(score(row, bound)).getFirst().path("logprob"), line.path("expectation"));
    }
  }

  private static String text(JsonNode value) {
    return value.asString();
  }

  private static void requireClose(JsonNode found, JsonNode expected) {
    double value = expected.doubleValue(0);
    assertThat(found.doubleValue(0)).isCloseTo(value, within(1e-5 * Math.abs(value)));
  }

  @Test
  void aModelWithoutATokenizerTakesIds() throws IOException {
    Path oracle = Cli.home().resolve("tests/src/test/resources/oracle");
    Path texts = oracle.resolveSibling("likelihood.jsonl");
    Outcome outcome =
        score(texts, "--method", "chain", "--model", oracle.resolve("llada-mha").toString());
    List<JsonNode> results = lines(outcome);
    List<JsonNode> expected = Files.readAllLines(texts).stream().map(MAPPER::readTree).toList();
    assertThat(outcome.err()).contains("llada-mha has no tokenizer: rows need prompt_ids");
    assertThat(results).hasSameSizeAs(expected);
    for (int row = 0; row < results.size(); row++) {
      if (expected.get(row).path("model").asString("").equals("llada-mha")) {
        double logprob = expected.get(row).path("chain").doubleValue();
        assertThat(results.get(row).path("logprob").doubleValue())
            .isCloseTo(logprob, within(1e-5 * -logprob));
      }
    }
    Path words = rows("{\"prompt\": \"Omar\", \"completion_ids\": [5]}\n");
    assertThat(
            lines(score(words, "--model", oracle.resolve("llama").toString()))
                .getFirst()
                .path("error")
                .asString(""))
        .isEqualTo("the model has no tokenizer: give ids in place of texts");
  }
}
