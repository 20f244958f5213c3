package dev.palimpsest.app.lens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.sampler.trace.Trace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code lens} with the bundled models. */
final class LensCommandTest {
  private static final String PROBLEM =
      "Leo has 31 pens. First he finds 5 more. How many pens does Leo have now?";

  @TempDir private static Path folder;
  private static Path trace;

  @BeforeAll
  static void record() {
    trace = folder.resolve("a.trace.jsonl");
    Outcome outcome =
        Outcome.of(
            "generate",
            "--trace",
            trace.toString(),
            "--trace-predictions",
            "--steps",
            "16",
            PROBLEM);
    assertThat(outcome.code()).as(outcome.err()).isZero();
  }

  /** The last block is what the trace recorded: its read-outs are the recorded predictions. */
  @Test
  void theLastBlockSaysWhatTheStepsPredicted() {
    Outcome outcome = Outcome.of("lens", trace.toString(), "--json");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonNode report = JsonMapper.shared().readTree(outcome.out());
    Trace recorded = Trace.readWhole(trace);
    assertThat(report.path("blocks")).hasSize(4);
    int prompt = recorded.last().promptLength();
    double sum = 0;
    int led = 0;
    for (JsonNode each : report.path("positions")) {
      int position = prompt + each.path("position").intValue();
      int first = -1;
      for (int step = recorded.steps() - 1; step >= 0; step--) {
        boolean leads =
            recorded.step(step).asked().orElseThrow().at(position).stream()
                .anyMatch(read -> read.argmax() == recorded.last().id(position));
        first = leads ? step : first;
      }
      assertThat(each.path("first_lead").path(3).intValue()).isEqualTo(first);
      led += first >= 0 ? 1 : 0;
      sum += Math.max(first, 0);
    }
    assertThat(led).isPositive();
    assertThat(report.path("blocks").path(3).path("first_lead").doubleValue())
        .isCloseTo(sum / led, within(1e-12));
    assertThat(report.path("blocks").path(3).path("agrees").doubleValue()).isEqualTo(1);
  }

  @Test
  void theSummaryFitsATerminalAndThePageHoldsEveryStep() throws IOException {
    Path page = folder.resolve("a.html");
    Outcome outcome = Outcome.of("lens", trace.toString(), "--to", page.toString());
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out().lines())
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(80))
        .anyMatch(line -> line.startsWith("block    led   first    lead"))
        .anyMatch(line -> line.startsWith("the answer was committed in step "));
    String html = Files.readString(page);
    assertThat(html).contains("<title>Palimpsest lens</title>").doesNotContain("@LENS@", "@STYLE@");
    assertThat(html).doesNotContain("http://", "https://");
    String data = html.substring(html.indexOf("id=\"data\">") + 10);
    JsonNode json = JsonMapper.shared().readTree(data.substring(0, data.indexOf("</script>")));
    assertThat(json.path("read")).hasSize(16);
    assertThat(json.path("texts")).hasSize(16);
  }

  @Test
  void aModelThatWritesFromLeftToRightIsReadAtItsNextToken() {
    Path file = folder.resolve("ar.trace.jsonl");
    String model = Cli.home().resolve("models/abacus-ar").toString();
    assertThat(Outcome.of("generate", "--model", model, "--trace", file.toString(), PROBLEM).code())
        .isZero();
    Outcome outcome = Outcome.of("lens", file.toString(), "--model", model, "--json");
    assertThat(outcome.code()).as(outcome.err()).isZero();
    JsonNode last = JsonMapper.shared().readTree(outcome.out()).path("blocks").path(3);
    assertThat(last.path("led").doubleValue()).isEqualTo(1);
    assertThat(last.path("lead").doubleValue()).isZero();
  }

  @Test
  void whatItCannotReadIsSaidInASentence() throws IOException {
    assertThat(Outcome.of("lens", folder.resolve("none").toString()).err())
        .endsWith("there is no such trace.\n");
    Outcome overwritten = Outcome.of("lens", trace.toString(), "--to", trace.toString());
    assertThat(overwritten.code()).isEqualTo(2);
    List<String> lines = Files.readAllLines(trace);
    Path cut = folder.resolve("cut.trace.jsonl");
    Files.writeString(cut, lines.getFirst() + "\n");
    Outcome empty = Outcome.of("lens", cut.toString());
    assertThat(empty.code()).isEqualTo(1);
    assertThat(empty.err()).endsWith("a lens has nothing to read.\n");
  }
}
