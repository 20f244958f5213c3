package dev.palimpsest.app.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.Python;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.checkpoint.Safetensors;
import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.trace.Trace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code probe export} and {@code probe fit} with the bundled models. */
final class ProbeCommandTest {
  private static final List<String> NAMES = List.of("Leo", "Maya", "Omar", "Nora", "Ivan", "Zoe");

  private static final SpanRule RULE = new SpanRule.Matching(Spans.ANSWER);

  @TempDir private static Path folder;
  private static Path traces;
  private static Path twins;

  @BeforeAll
  static void record() throws IOException {
    traces = Files.createDirectory(folder.resolve("mdm"));
    twins = Files.createDirectory(folder.resolve("ar"));
    for (int i = 0; i < NAMES.size(); i++) {
      String problem =
          i % 2 == 0
              ? "%s has %d pens. First he finds 5 more. How many pens does %s have now?"
                  .formatted(NAMES.get(i), 30 + i, NAMES.get(i))
              : ("%s has %d marbles. First she buys 7 more. Then she gives 9 to Tom. How many"
                      + " marbles does %s have now?")
                  .formatted(NAMES.get(i), 20 + i, NAMES.get(i));
      generate(traces.resolve(i + ".trace.jsonl"), problem, "--steps", "12");
      generate(twins.resolve(i + ".trace.jsonl"), problem, "--model", twin());
    }
  }

  private static String twin() {
    return Cli.home().resolve("models/abacus-ar").toString();
  }

  private static void generate(Path trace, String problem, String... more) {
    String[] all = new String[4 + more.length];
    all[0] = "generate";
    all[1] = "--trace";
    all[2] = trace.toString();
    all[3] = problem;
    System.arraycopy(more, 0, all, 4, more.length);
    Outcome outcome = Outcome.of(all);
    assertThat(outcome.code()).as(outcome.err()).isZero();
  }

  private static Path export(String name, String... more) {
    Path file = folder.resolve(name);
    String[] all = new String[5 + more.length];
    all[0] = "probe";
    all[1] = "export";
    all[2] = traces.toString();
    all[3] = "--to";
    all[4] = file.toString();
    System.arraycopy(more, 0, all, 5, more.length);
    Outcome outcome = Outcome.of(all);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    return file;
  }

  @Test
  void everyRowSaysWhereItIsFrom() {
    Path file =
        export(
            "rows.safetensors",
            "--hook",
            "blocks.*.hook_resid_post",
            "--hook",
            "blocks.1.attn.hook_pattern",
            "--steps",
            "2-3",
            "--at",
            "0-4");
    try (Safetensors read = Safetensors.open(file)) {
      assertThat(read.tensor("blocks.3.hook_resid_post").shape()).containsExactly(60L, 128L);
      assertThat(read.tensor("blocks.1.attn.hook_pattern").shape()).startsWith(60L, 4L);
      float[] pattern =
          read.tensor("blocks.1.attn.hook_pattern")
              .slice(59)
              .slice(3)
              .data()
              .toArray(JAVA_FLOAT_UNALIGNED);
      float sum = 0;
      for (float each : pattern) {
        sum += each;
      }
      assertThat(sum).isCloseTo(1, within(1e-4f));
      long[] steps = longs(read, "index.step");
      long[] positions = longs(read, "index.position");
      long[] finals = longs(read, "index.final_token");
      Trace first = Trace.readWhole(traces.resolve("0.trace.jsonl"));
      int prompt = first.last().promptLength();
      for (int row = 0; row < 10; row++) {
        assertThat(longs(read, "index.trace")[row]).isZero();
        assertThat(steps[row]).isEqualTo(2 + row / 5);
        assertThat(positions[row]).isEqualTo(row % 5);
        assertThat(finals[row]).isEqualTo(first.last().id(prompt + row % 5));
      }
      assertThat(longs(read, "index.trace")[59]).isEqualTo(5);
    }
  }

  private static long[] longs(Safetensors file, String name) {
    return file.tensor(name).data().toArray(JAVA_LONG_UNALIGNED);
  }

  @Test
  void numpyAndPandasReadTheTensorsAndTheirIndex() throws IOException, InterruptedException {
    Path file = export("numpy.safetensors", "--hook", "blocks.2.hook_resid_mid");
    Path script = folder.resolve("read.py");
    Files.writeString(
        script,
        """
        import sys
        try:
            import pandas
            from safetensors.numpy import load_file
        except ImportError:
            sys.exit("not installed")
        tensors = load_file(sys.argv[1])
        index = pandas.DataFrame({k[6:]: v for k, v in tensors.items() if k.startswith("index.")})
        x = tensors["blocks.2.hook_resid_mid"]
        print(len(index) == len(x), x.dtype, index.step.max(), index.trace.nunique(), x[(index.masked == 1).values].shape[1])
        """);
    String out = Python.run(folder, script.toString(), file.toString());
    assumeTrue(!out.isEmpty() && !out.startsWith("not installed"), "no pandas or safetensors");
    assertThat(out).isEqualTo("True float32 11 6 128\n");
  }

  @Test
  void linearProbesAreFittedBesideTheirControls() {
    Outcome outcome =
        Outcome.of(
            "probe",
            "fit",
            traces.toString(),
            "--label",
            "operation",
            "--points",
            "3",
            "--json",
            "--twin",
            twin(),
            "--twin-traces",
            twins.toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonNode report = JsonMapper.shared().readTree(outcome.out());
    for (String who : List.of("model", "twin")) {
      assertThat(report.path(who).path("trained").intValue()).isEqualTo(4);
      assertThat(report.path(who).path("tried").intValue()).isEqualTo(2);
      assertThat(report.path(who).path("blocks")).hasSize(4);
      assertThat(report.path(who).path("blocks").path(3).path("auroc")).hasSize(3);
      JsonNode shuffled = report.path(who).path("blocks").path(3).path("shuffled");
      assertThat(shuffled).hasSize(3);
      assertThat(shuffled.path(0).propertyNames()).containsExactly("mean", "deviation", "p");
      assertThat(report.path(who).path("steps")).hasSize(3);
    }
    JsonNode own = report.path("model").path("compute");
    JsonNode other = report.path("twin").path("compute");
    assertThat(own.path(0).doubleValue()).isLessThan(own.path(2).doubleValue());
    assertThat(other.path(0).doubleValue()).isLessThanOrEqualTo(own.path(0).doubleValue());
    Outcome table =
        Outcome.of("probe", "fit", traces.toString(), "--label", "operation", "--points", "12");
    assertThat(table.code()).as(table.err()).isZero();
    assertThat(table.out().lines())
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(80))
        .anyMatch(line -> line.startsWith("shuffled 100 times"));
  }

  @Test
  void whetherTheAnswerIsRightIsToldWhereSomeAreAndSomeAreNot() throws IOException {
    StringBuilder problems = new StringBuilder();
    for (int i = 0; i < NAMES.size(); i++) {
      Trace trace = Trace.readWhole(traces.resolve(i + ".trace.jsonl"));
      StringBuilder text = new StringBuilder();
      for (int at = 0; at < trace.last().promptLength(); at++) {
        text.append(trace.piece(trace.last().id(at)));
      }
      String answer = ProbeLabel.answer(trace, RULE).orElseThrow().answer();
      problems.append(
          JsonMapper.shared()
              .createObjectNode()
              .put("prompt", text.toString())
              .put("answer", i < 3 ? answer : answer + "0")
              .toString());
      problems.append('\n');
    }
    Path file = Files.writeString(folder.resolve("problems.jsonl"), problems);
    String[] fit = {
      "probe",
      "fit",
      traces.toString(),
      "--label",
      "right",
      "--points",
      "2",
      "--problems",
      file.toString(),
      "--shuffles",
      "9",
      "--json"
    };
    Outcome outcome = Outcome.of(fit);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonNode report = JsonMapper.shared().readTree(outcome.out());
    assertThat(report.path("shuffles").intValue()).isEqualTo(9);
    JsonNode model = report.path("model");
    assertThat(model.path("labels").values())
        .extracting(JsonNode::asString)
        .containsExactly("right", "wrong");
    assertThat(model.path("trained").intValue() + model.path("tried").intValue()).isEqualTo(6);
    assertThat(model.path("steps").path(1).doubleValue()).isEqualTo(11);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          export TRACES --to x.safetensors --hook blocks.1.hook_nothing | there is no hook | 2
          export TRACES --to x.safetensors --steps a | is no range | 2
          export TRACES --to x.safetensors --steps 90 | there is no such step and position | 1
          export TRACES TWINS --to x.safetensors | are of two models | 1
          fit TRACES --label operation --points 1 | --points 1 is not 2 to 12 | 2
          fit TRACES --label operation --shuffles 1 | --shuffles 1 is not 2 to 10,000 | 2
          fit TRACES --label operation --twin TWIN | give both or none | 2
          fit TRACES --label right | none of 6 traces has what --label right tells: no prompt is in | 1
          fit TRACES/0.trace.jsonl --label operation | linear probes need two of each | 1
          fit TRACES --label operation --twin HOME/models/abacus-mdm --twin-traces TWINS | give the right --twin | 1
          """)
  void whatIsWrongIsSaidInOneSentence(String words, String message, int code) {
    Outcome outcome =
        Outcome.of(
            ("probe " + words)
                .replace("TRACES", traces.toString())
                .replace("TWINS", twins.toString())
                .replace("TWIN", twin())
                .replace("HOME", Cli.home().toString())
                .split(" "));
    assertThat(outcome.err()).contains(message);
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.code()).isEqualTo(code);
  }
}
