package dev.palimpsest.app.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Prediction;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code generate --trace} and the commands that read what it wrote. */
final class TraceCommandsTest {
  private static final String PROBLEM =
      "Maya has 24 marbles. First she buys 7 more. Then she gives 9 to Omar."
          + " How many marbles does Maya have now?";
  private static final String WORKED = "24+7=31. 31-9=22. Answer: 22";

  @TempDir private static Path folder;
  private static Path plain;
  private static Path packed;
  private static Path leftToRight;

  @BeforeAll
  static void record() {
    plain = folder.resolve("plain.trace.jsonl");
    packed = folder.resolve("packed.trace.jsonl.zst");
    leftToRight = folder.resolve("left.trace.jsonl");
    record(plain, "--trace-predictions");
    record(packed);
    record(leftToRight, "--block-length", "1");
  }

  private static void record(Path file, String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("generate", "--trace", file.toString(), PROBLEM));
    arguments.addAll(Arrays.asList(options));
    Outcome outcome = run(arguments.toArray(String[]::new));
    assertThat(outcome.code()).as(outcome.err()).isZero();
  }

  @Test
  void checkAcceptsWhatWasWritten() {
    Outcome outcome = run("trace", "check", plain.toString(), packed.toString());
    assertThat(outcome.code()).isZero();
    assertThat(outcome.out()).contains("plain.trace.jsonl: ok, 50 records, 48 steps");
    assertThat(outcome.out()).contains("packed.trace.jsonl.zst: ok, 50 records, 48 steps");
  }

  @Test
  void checkNamesTheRecordThatIsAlteredOrMissing() throws IOException {
    List<String> lines = Files.readAllLines(plain);
    Path cut = Files.write(folder.resolve("cut.jsonl"), lines.subList(0, 20));
    lines.set(12, lines.get(12).replace("\"step\"", "\"stop\""));
    Path altered = Files.write(folder.resolve("altered.jsonl"), lines);
    Outcome outcome = run("trace", "check", cut.toString(), altered.toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out()).contains("cut.jsonl: ENDS EARLY, record 21", "with 19 steps");
    assertThat(outcome.out()).contains("altered.jsonl: ALTERED, record 13");
    assertThat(run("trace", "show", altered.toString()).err())
        .contains("record 13")
        .hasLineCount(1);
    assertThat(run("trace", "show", cut.toString()).code()).isZero();
    assertThat(run("trace", "check", cut.toString(), plain.toString()).code()).isEqualTo(3);
    assertThat(run("trace", "check", folder.resolve("none.jsonl").toString()).code()).isEqualTo(1);
  }

  @Test
  void alternativesAreRecordedOnlyWhenAskedForAndReplay() {
    Path file = folder.resolve("named.trace.jsonl");
    record(file, "--trace-alternatives", "3");
    Trace trace = Trace.readWhole(file);
    Trace without = Trace.readWhole(plain);
    for (int step = 0; step < trace.steps(); step++) {
      List<Prediction> named = trace.step(step).asked().orElseThrow().predictions();
      assertThat(named)
          .allSatisfy(
              each -> {
                assertThat(each.alternatives()).hasSize(3);
                assertThat(each.alternatives().getFirst().token()).isEqualTo(each.argmax());
                assertThat(each.alternatives().getFirst().probability()).isEqualTo(each.top());
                assertThat(trace.pieces()).containsKey(each.alternatives().getLast().token());
              });
      assertThat(named.stream().map(each -> each.with(List.of())))
          .isEqualTo(without.step(step).asked().orElseThrow().predictions());
    }
    assertThat(run("replay", file.toString()).code()).isZero();
    assertThat(run("generate", "--trace-alternatives", "-1", PROBLEM).err())
        .contains("--trace-alternatives -1 is invalid: use 0 to 1000");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "view %s --to %s",
        "trace export %s --to %s.csv",
        "branch %s --at 1 --edit none --to %s"
      })
  void aFolderThatIsMissingIsSaidOfTheFileThatWasAskedFor(String command) {
    Path target = folder.resolve("missing").resolve("out");
    Outcome outcome = run(command.formatted(plain, target).split(" ", -1));
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains(target.toString()).doesNotContain("part");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "--step 0", "--step 47", "--step 3 --diff 20"})
  void showFitsEightyColumns(String options) {
    List<String> arguments = new ArrayList<>(List.of("trace", "show", plain.toString()));
    Arrays.stream(options.split(" ", -1)).filter(each -> !each.isEmpty()).forEach(arguments::add);
    Outcome outcome = run(arguments.toArray(String[]::new));
    assertThat(outcome.code()).isZero();
    assertThat(outcome.out().lines()).allMatch(line -> line.length() <= 80);
  }

  @Test
  void showGivesTheTextOfAnyStepAndWhatDiffers() {
    assertThat(run("trace", "show", plain.toString()).out()).contains(WORKED);
    String step = run("trace", "show", "--step", "0", plain.toString()).out();
    assertThat(step).contains("step 0 of 48", "committed", "masked");
    String same = run("trace", "show", "--step", "5", "--diff", "5", plain.toString()).out();
    assertThat(same).contains("0 positions differ");
    String other = run("trace", "show", "--step", "5", "--diff", "9", plain.toString()).out();
    assertThat(other).contains("4 positions differ");
    assertThat(run("trace", "show", "--step", "48", plain.toString()).err())
        .contains("step 48", "0 to 47");
  }

  @Test
  void aTextOfBlocksOfOneHasTheValuesOfAnAutoregressiveOne() {
    JsonNode means = stats(leftToRight).path("means");
    for (String measure : List.of("ntp_set@1", "ntp_set@8", "ntp_ord@4", "fms@1", "pair_concord")) {
      assertThat(means.path(measure).path("mean").doubleValue()).as(measure).isEqualTo(1);
    }
    assertThat(means.path("fms@1_ties").path("mean").doubleValue()).isZero();
    assertThat(means.path("reasoning_committed_share").path("mean").doubleValue()).isEqualTo(1);
  }

  @Test
  void statsOfAFolderAreTheMeansOfItsTraces() {
    JsonNode all = stats(folder);
    double sum = 0;
    for (JsonNode trace : all.path("traces")) {
      sum += trace.path("fms@1").doubleValue();
    }
    assertThat(all.path("traces").size()).isEqualTo(3);
    assertThat(all.path("means").path("fms@1").path("mean").doubleValue()).isEqualTo(sum / 3);
  }

  @Test
  void statsSayWhenTheAnswerWasThere() {
    JsonNode json =
        new JsonMapper()
            .readTree(run("trace", "stats", "--json", "--expect", "22", plain.toString()).out());
    JsonNode trace = json.path("traces").path(0);
    assertThat(trace.path("answer").stringValue()).isEqualTo("22");
    assertThat(trace.path("right").intValue()).isEqualTo(1);
    assertThat(trace.path("first_hit").intValue())
        .isLessThanOrEqualTo(trace.path("answer_committed").intValue());
    assertThat(trace.path("estimates").size()).isEqualTo(48);
    assertThat(json.path("means").path("ever_pass_by_tenth").path(9).path("mean").doubleValue())
        .isEqualTo(1);
  }

  @Test
  void aForcedTemplateHasItsAnswerInItsSlot() throws IOException {
    Path plan =
        Files.writeString(
            folder.resolve("plan.json"),
            """
            {"transforms": [{"when": "step=0", "do": "force", "at": 16, "text": " Answer: "}]}
            """);
    Path forced = folder.resolve("forced.trace.jsonl");
    record(forced, "--plan", plan.toString());
    String[] slot = {"trace", "stats", "--json", "--answer-at", "18-20", forced.toString()};
    JsonNode trace = new JsonMapper().readTree(run(slot).out()).path("traces").path(0);
    Trace written = Trace.readWhole(forced);
    int end = written.last().promptLength();
    assertThat(written.piece(written.last().id(end + 16))).isEqualTo(" Answer");
    assertThat(trace.path("answer").stringValue())
        .isNotEmpty()
        .startsWith(written.piece(written.last().id(end + 18)).strip());
    assertThat(trace.path("reasoning_committed_share").doubleValue()).isBetween(0.0, 1.0);
    slot[4] = "40-48";
    assertThat(run(slot).err())
        .contains("forced.trace.jsonl: a slot from 40 to 48 lies outside the 48 positions");
    slot[4] = "18";
    assertThat(run(slot).err()).contains("'18' is no slot: use FIRST-LAST, as 40-47");
    slot[4] = "0-7";
    assertThat(run(slot).err()).contains("leaves no reasoning before it: give --reasoning-at");
    assertThat(run("trace", "stats", "--reasoning-at", "0-7", forced.toString()).err())
        .contains("--reasoning-at needs --answer-at");
  }

  private static JsonNode stats(Path path) {
    Outcome outcome = run("trace", "stats", "--json", path.toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return new JsonMapper().readTree(outcome.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"parquet", "csv"})
  void anExportHoldsEveryCommitWithItsExactNumbers(String kind) throws SQLException {
    Path table = folder.resolve("it's a table." + kind);
    Outcome outcome = run("trace", "export", "--to", table.toString(), plain.toString());
    assertThat(outcome.out()).contains("48 rows");
    JsonNode first = record(plain, 2).path("commits").path(0);
    try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT count(*), count(DISTINCT position), min(confidence) FILTER (step = 0),"
                    + " min(canvas_sha256) FILTER (step = 0) FROM '"
                    + table.toString().replace("'", "''")
                    + "'")) {
      rows.next();
      assertThat(rows.getInt(1)).isEqualTo(48);
      assertThat(rows.getInt(2)).isEqualTo(48);
      assertThat(rows.getDouble(3)).isEqualTo(first.path(2).doubleValue());
      assertThat(rows.getString(4)).isEqualTo(record(plain, 2).path("canvas").stringValue());
    }
  }

  @Test
  void anExportOfWhatIsNotThereIsRefusedAndReplacesNothing() throws IOException {
    Path table = Files.writeString(folder.resolve("kept.csv"), "kept");
    Path empty = Files.createDirectories(folder.resolve("empty"));
    Outcome none =
        run("trace", "export", "--predictions", "--to", table.toString(), packed.toString());
    assertThat(none.code()).isEqualTo(1);
    assertThat(none.err()).contains(packed + " holds no predictions", "--trace-predictions");
    Outcome nothing = run("trace", "export", "--to", table.toString(), empty.toString());
    assertThat(nothing.code()).isEqualTo(1);
    assertThat(nothing.err()).contains(empty + " holds nothing to export");
    assertThat(table).hasContent("kept");
  }

  @Test
  void orderIsMeasuredOverTheTextAndOverTheWholeCanvas() {
    JsonNode trace = stats(plain).path("traces").path(0);
    List<Integer> steps =
        trace.path("commit_steps").values().stream().map(JsonNode::intValue).toList();
    assertThat(trace.path("pair_concord").doubleValue()).isEqualTo(concordance(steps, 20));
    assertThat(trace.path("canvas_pair_concord").doubleValue()).isEqualTo(concordance(steps, 48));
    assertThat(trace.path("pair_concord_ties").doubleValue()).isZero();
    assertThat(trace.path("nfe").intValue()).isEqualTo(48);
    assertThat(trace.path("tpf").doubleValue()).isEqualTo(20.0 / 48);
  }

  private static double concordance(List<Integer> steps, int length) {
    int pairs = 0;
    int concordant = 0;
    for (int right = 0; right < length; right++) {
      for (int left = 0; left < right; left++) {
        pairs++;
        concordant += steps.get(left) < steps.get(right) ? 1 : 0;
      }
    }
    return (double) concordant / pairs;
  }

  @Test
  void anExportOfPredictionsHasARowForEveryAskedPosition() {
    Path table = folder.resolve("predictions.parquet");
    assertThat(
            run("trace", "export", "--predictions", "--to", table.toString(), plain.toString())
                .out())
        .contains(48 * 49 / 2 + " rows");
    assertThat(run("trace", "export", "--to", "x.txt", plain.toString()).code()).isEqualTo(2);
  }

  @Test
  void theReaderInTheDocumentationReadsATraceAndChecksIt() throws Exception {
    assumeTrue(python(folder, List.of("-c", "print(1)")).equals("1\n"), "no python3 here");
    String document = Files.readString(Cli.home().resolve("docs/trace.md"));
    Matcher code = Pattern.compile("```python\n(.*?)```", Pattern.DOTALL).matcher(document);
    assertThat(code.find()).isTrue();
    assertThat(code.group(1).lines().count()).isLessThanOrEqualTo(20);
    Path script = Files.writeString(folder.resolve("read.py"), code.group(1));
    List<String> printed =
        python(folder, List.of(script.toString(), plain.toString())).lines().toList();
    assertThat(printed).hasSize(48);
    assertThat(printed.getLast()).contains(WORKED);
    List<String> lines = Files.readAllLines(plain);
    lines.set(12, lines.get(12).replace("\"nanos\":", "\"nanos\":1"));
    Path altered = Files.write(folder.resolve("altered2.jsonl"), lines);
    assertThat(python(folder, List.of(script.toString(), altered.toString())))
        .contains("record 13 is altered");
  }

  /** What python3 prints, both streams; empty where there is none. */
  private static String python(Path folder, List<String> arguments) throws InterruptedException {
    List<String> command = new ArrayList<>(List.of("python3"));
    command.addAll(arguments);
    Path out = folder.resolve("python.txt");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(out.toFile())
              .start();
      process.waitFor();
      return Files.readString(out, StandardCharsets.UTF_8);
    } catch (IOException _) {
      return "";
    }
  }

  private static JsonNode record(Path file, int number) {
    try {
      return new JsonMapper().readTree(Files.readAllLines(file).get(number - 1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Outcome run(String... arguments) {
    return Outcome.of(arguments);
  }
}
