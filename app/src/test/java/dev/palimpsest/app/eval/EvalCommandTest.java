package dev.palimpsest.app.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.app.ChildProcess;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
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
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@code eval}: its numbers, and that nothing that is finished is lost. */
final class EvalCommandTest {
  private static final JsonMapper MAPPER = new JsonMapper();
  private static final List<String> PROMPTS =
      List.of(
          "Maya has 24 marbles. First she buys 7 more. Then she gives 9 to Omar."
              + " How many marbles does Maya have now?",
          "Omar has 5 beads. First he buys 4 more. How many beads does Omar have now?",
          "Nora has 30 shells. First she gives 11 to Omar. How many shells does Nora have now?");

  @TempDir private Path folder;
  private Path problems;
  private Path outcomes;

  @BeforeEach
  void write() throws IOException {
    problems = folder.resolve("problems.jsonl");
    outcomes = folder.resolve("outcomes.jsonl");
    writeProblems("22", "9", "no number");
  }

  private void writeProblems(String... answers) throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int number = 0; number < answers.length; number++) {
      ObjectNode line = MAPPER.createObjectNode();
      line.put("id", "a/b " + number);
      line.put("prompt", PROMPTS.get(number));
      line.put("answer", answers[number]);
      lines.append(line).append('\n');
    }
    Files.writeString(problems, lines);
  }

  private Outcome eval(String... options) {
    return Outcome.of(
        Stream.concat(Stream.of("eval", problems.toString()), Arrays.stream(options))
            .toArray(String[]::new));
  }

  private JsonNode json(String... options) {
    Outcome outcome =
        eval(Stream.concat(Stream.of("--json"), Arrays.stream(options)).toArray(String[]::new));
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return MAPPER.readTree(outcome.out());
  }

  @Test
  void theReportIsWhatItsOutcomesSayInTheOrderOfTheProblems() {
    JsonNode report = json("--batch", "2", "--steps", "60");
    List<JsonNode> each = List.copyOf(report.path("outcomes").values());
    assertThat(each)
        .extracting(one -> one.path("id").asString())
        .containsExactly("a/b 0", "a/b 1", "a/b 2");
    assertThat(each).extracting(one -> one.path("problem").intValue()).containsExactly(0, 1, 2);
    assertThat(each.getLast().path("right").booleanValue()).isFalse();
    int right = 0;
    int nfe = 0;
    int idle = 0;
    int tokens = 0;
    for (JsonNode one : each) {
      right += one.path("right").booleanValue() ? 1 : 0;
      nfe += one.path("nfe").intValue();
      idle += one.path("idle_steps").intValue();
      tokens += one.path("tokens").size();
      assertThat(one.path("nfe").intValue() + one.path("idle_steps").intValue()).isEqualTo(60);
      assertThat(one.path("tpf").doubleValue())
          .isEqualTo(one.path("tokens").size() / one.path("nfe").doubleValue());
    }
    assertThat(report.path("problems").intValue()).isEqualTo(3);
    assertThat(report.path("complete").booleanValue()).isTrue();
    assertThat(report.path("n").intValue()).isEqualTo(3);
    assertThat(report.path("right").intValue()).isEqualTo(right);
    assertThat(report.path("nfe").intValue()).isEqualTo(nfe);
    assertThat(report.path("idle_steps").intValue()).isEqualTo(idle).isEqualTo(36);
    assertThat(report.path("text_tokens").intValue()).isEqualTo(tokens);
    assertThat(report.path("tpf").doubleValue()).isEqualTo((double) tokens / nfe);
    double p = right / 3.0;
    double z = 1.959964;
    double half = z * Math.sqrt(p * (1 - p) / 3 + z * z / 36) / (1 + z * z / 3);
    double center = (p + z * z / 6) / (1 + z * z / 3);
    assertThat(report.path("accuracy").doubleValue()).isEqualTo(p);
    assertThat(report.path("accuracy_low").doubleValue()).isCloseTo(center - half, within(1e-6));
    assertThat(report.path("accuracy_high").doubleValue()).isCloseTo(center + half, within(1e-6));
  }

  @Test
  void whateverIsLeftOfAFileTheSameCommandGoesOnToTheSameOutcomes() throws IOException {
    JsonNode whole = json("--outcomes", outcomes.toString());
    byte[] bytes = Files.readAllBytes(outcomes);
    List<Integer> cuts = new ArrayList<>(List.of(0, 20, bytes.length - 1, bytes.length));
    for (int at = 0; at < bytes.length; at++) {
      if (bytes[at] == '\n') {
        cuts.add(at + 1);
        cuts.add(Math.min(bytes.length, at + 9));
      }
    }
    for (int cut : cuts) {
      Files.write(outcomes, Arrays.copyOf(bytes, cut));
      JsonNode resumed = json("--outcomes", outcomes.toString());
      for (String name : List.of("outcomes", "right", "accuracy_low", "nfe", "tpf")) {
        assertThat(resumed.path(name))
            .as("%s after %d bytes", name, cut)
            .isEqualTo(whole.path(name));
      }
      assertThat(Files.readAllLines(outcomes)).hasSize(4);
    }
    Files.write(outcomes, bytes);
    assertThat(json("--outcomes", outcomes.toString(), "--limit", "2").path("n").intValue())
        .isEqualTo(2);
    assertThat(outcomes).hasBinaryContent(bytes);
  }

  @Test
  void anOutcomesFileOfOtherOptionsOrProblemsIsRefusedAndAnotherPatternJudgesItAnew()
      throws IOException {
    json("--outcomes", outcomes.toString(), "--limit", "1");
    byte[] before = Files.readAllBytes(outcomes);
    Outcome other = eval("--outcomes", outcomes.toString(), "--steps", "24");
    assertThat(other.code()).isEqualTo(1);
    assertThat(other.err())
        .contains("outcomes.jsonl: it holds results for steps 48, and now it is 24");
    JsonNode judged =
        json("--outcomes", outcomes.toString(), "--limit", "1", "--answer-pattern", "(\\d+)-9");
    assertThat(judged.path("right").intValue()).isZero();
    writeProblems("23");
    assertThat(eval("--outcomes", outcomes.toString()).err())
        .contains("outcomes.jsonl: it holds an outcome of another problem a/b 0");
    assertThat(outcomes).hasBinaryContent(before);
  }

  @Test
  void noFileThatIsReadIsWrittenOver() throws IOException {
    byte[] before = Files.readAllBytes(problems);
    assertThat(eval("--outcomes", problems.toString()).err())
        .contains("--outcomes " + problems, "use another name");
    Path traces = Files.createDirectory(folder.resolve("traces"));
    Path beside = Files.move(problems, traces.resolve("a%2Fb%200.trace.jsonl"));
    Outcome outcome = Outcome.of("eval", beside.toString(), "--trace-dir", traces.toString());
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("--trace-dir " + beside, "use another name");
    assertThat(beside).hasBinaryContent(before);
  }

  @Test
  void everyProblemHasATraceAndTheTableWhatStatsSays() throws IOException, SQLException {
    Path traces = folder.resolve("traces");
    JsonNode report = json("--trace-dir", traces.toString(), "--outcomes", outcomes.toString());
    List<Path> files = TraceFiles.among(List.of(traces));
    assertThat(files)
        .extracting(file -> file.getFileName().toString())
        .containsExactly("a%2Fb%200.trace.jsonl", "a%2Fb%201.trace.jsonl", "a%2Fb%202.trace.jsonl");
    byte[] trace = Files.readAllBytes(files.get(1));
    Files.delete(files.get(1));
    json("--trace-dir", traces.toString(), "--outcomes", outcomes.toString());
    assertThat(traces).isDirectoryContaining(file -> file.equals(files.get(1)));
    assertThat(withoutTimes(Files.readString(files.get(1))))
        .isEqualTo(withoutTimes(new String(trace, StandardCharsets.UTF_8)));

    for (String end : List.of("csv", "parquet")) {
      Path table = folder.resolve("measures." + end);
      Outcome stats =
          Outcome.of(
              "trace",
              "stats",
              "--json",
              "--problems",
              problems.toString(),
              "--export",
              table.toString(),
              traces.toString());
      assertThat(stats.code()).as(stats.err()).isZero();
      JsonNode said = MAPPER.readTree(stats.out()).path("traces");
      try (Connection connection = DriverManager.getConnection("jdbc:duckdb:");
          Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("SELECT * FROM '" + table + "'")) {
        for (int row = 0; row < 3; row++) {
          assertThat(rows.next()).isTrue();
          assertThat(rows.getString("id")).isEqualTo("a/b " + row);
          assertThat(rows.getString("file")).isEqualTo(files.get(row).toString());
          for (int column = 6; column <= rows.getMetaData().getColumnCount(); column++) {
            String name = rows.getMetaData().getColumnName(column);
            double value = rows.getDouble(column);
            if (rows.wasNull()) {
              assertThat(said.get(row).has(name)).as(name).isFalse();
            } else {
              assertThat(said.get(row).path(name).doubleValue()).as(name).isEqualTo(value);
            }
          }
          assertThat(rows.getDouble("nfe"))
              .isEqualTo(report.path("outcomes").get(row).path("nfe").doubleValue());
        }
        assertThat(rows.next()).isFalse();
      }
    }
    assertThat(
            Outcome.of("trace", "stats", traces.toString(), "--export", files.getFirst().toString())
                .err())
        .contains("unknown kind");
    Path csv = Files.move(files.getFirst(), traces.resolve("a.csv"));
    assertThat(Outcome.of("trace", "stats", csv.toString(), "--export", csv.toString()).err())
        .contains("--export " + csv, "use another name");
  }

  private static List<String> withoutTimes(String trace) {
    return trace.lines().map(line -> line.replaceAll("\"(nanos|chain)\":[^,}]*", "")).toList();
  }

  @Test
  void aTraceThatCannotBeWrittenIsNamedAndNothingHalfWrittenStays() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "no device that is always full here");
    for (String command : List.of("audit Omar --trace ", "generate Omar --trace ")) {
      Outcome outcome = Outcome.of((command + full).split(" ", -1));
      assertThat(outcome.code()).isEqualTo(1);
      assertThat(outcome.err().lines().toList())
          .last()
          .asString()
          .startsWith("palimpsest: /dev/full: the trace cannot be written: ");
    }
    Outcome outcome = eval("--outcomes", full.toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err()).contains("/dev/full: it cannot be written: ");
    Path model = Cli.home().resolve("models/abacus-mdm/config.json");
    byte[] before = Files.readAllBytes(model);
    assertThat(Outcome.of("audit", "Omar", "--trace", model.toString()).err())
        .contains("--trace " + model, "use another name");
    Path prompt = Files.writeString(folder.resolve("prompt.txt"), "Omar");
    assertThat(
            Outcome.of("generate", "--prompt-file", prompt.toString(), "--trace", prompt.toString())
                .err())
        .contains("--trace " + prompt, "use another name");
    assertThat(prompt).hasContent("Omar");
    assertThat(model).hasBinaryContent(before);
  }

  @Test
  void twoProblemsWithOneIdHaveNoTraces() throws IOException {
    Files.writeString(problems, Files.readString(problems).replace("a/b 1", "a/b 0"));
    Outcome outcome = eval("--trace-dir", folder.resolve("traces").toString());
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err()).contains("two have the id a/b 0");
    assertThat(folder.resolve("traces")).doesNotExist();
  }

  @Test
  void whoeverIsToldToEndReportsKeepsAndSaysHowToGoOn() throws Exception {
    for (boolean asked : new boolean[] {true, false}) {
      Path home = Files.createDirectory(folder.resolve("asked-" + asked));
      Path traces = home.resolve("traces");
      List<String> arguments = new ArrayList<>(List.of("eval", "--batch", "2"));
      arguments.addAll(List.of("--trace-dir", traces.toString()));
      if (asked) {
        arguments.addAll(List.of("--outcomes", "kept.jsonl"));
      }
      Process process = ChildProcess.start(home, arguments);
      try {
        // A problem is finished when the trace of a later one is begun.
        while (process.isAlive() && traces(traces) < 3) {
          assertThat(process.waitFor(20, TimeUnit.MILLISECONDS)).isFalse();
        }
        process.destroy();
        process.waitFor();
      } finally {
        process.destroyForcibly();
      }
      assertThat(process.exitValue()).as("128 and SIGTERM").isEqualTo(143);
      String said = Files.readString(home.resolve("err"));
      Path kept = home.resolve(asked ? "kept.jsonl" : "eval-%d.jsonl".formatted(process.pid()));
      assertThat(said)
          .contains("of 1000 problems are finished and kept in " + kept.getFileName(), "goes on");
      assertThat(Files.readString(home.resolve("out")))
          .contains(" of 1000 problems finished", " answers right: ");
      try (Stream<Path> left = Files.list(traces)) {
        assertThat(left).noneMatch(file -> file.getFileName().toString().startsWith("part-"));
      }
      byte[] before = Files.readAllBytes(kept);
      int finished = Files.readAllLines(kept).size() - 1;
      assertThat(finished).isPositive();
      Outcome all = Outcome.of("eval", "--limit", "1", "--outcomes", kept.toString());
      assertThat(all.code()).as(all.err()).isZero();
      assertThat(kept).hasBinaryContent(before);
    }
  }

  private static int traces(Path folder) throws IOException {
    return Files.isDirectory(folder) ? TraceFiles.among(List.of(folder)).size() : 0;
  }
}
