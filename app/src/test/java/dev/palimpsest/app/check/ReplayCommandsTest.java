package dev.palimpsest.app.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Main;
import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceRecord;
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

/** The commands that run a recorded generation again, with the bundled model. */
final class ReplayCommandsTest {
  private static final String PROBLEM =
      "Maya has 24 marbles. First she buys 7 more. Then she gives 9 to Omar."
          + " How many marbles does Maya have now?";

  @TempDir private static Path folder;
  private static String trace;

  @BeforeAll
  static void record() {
    trace = folder.resolve("a.trace.jsonl").toString();
    assertThat(run("generate", "--trace", trace, "--trace-predictions", PROBLEM).code()).isZero();
  }

  @Test
  void aTraceRunsOnFromAnyStepInAFreshProcess() {
    FreshProcess.Result result =
        FreshProcess.run(Main.class, List.of("replay", trace, "--from", "20"));
    assertThat(result.code()).isZero();
    assertThat(result.out()).contains("28 of 28 steps from step 20 on are the same");
    assertThat(run("replay", trace, "--each").out()).contains("48 steps, each from its own canvas");
    assertThat(run("replay", trace, "--only", "--from", "7").out()).contains("1 steps");
  }

  @Test
  void anotherModelIsRefusedByItsHash() {
    Outcome outcome =
        run("replay", trace, "--model", Cli.home().resolve("models/abacus-ar").toString());
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err()).contains("made by abacus-mdm with SHA-256");
  }

  @Test
  void aBranchWithAMistakeInItsReasoningIsATraceThatReplays() {
    String branch = folder.resolve("mistake.trace.jsonl").toString();
    Outcome outcome =
        run("branch", trace, "--at", "45", "--edit", "mistake in=0-8", "--to", branch);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out()).contains("mistake: 24+7=31 became 24+7=");
    assertThat(run("trace", "check", branch).code()).isZero();
    assertThat(run("replay", branch).code()).isZero();
    Trace read = Trace.readWhole(Path.of(branch));
    assertThat(read.header().origin().orElseThrow().step()).isEqualTo(45);
    assertThat(read.steps()).isEqualTo(48);
  }

  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "melt, 'none, corrupt, mistake'",
    "corrupt share=2, use 0 to 1",
    "corrupt where=all, knows no where",
    "corrupt in=middle, FIRST-LAST",
    "filler, text is missing",
    "force at=47 text=12, 'takes 2 positions'",
    "paraphrase how=loudly, 'identity, equations, synonyms, self'"
  })
  void aWrongEditIsAnsweredInOneLineThatNamesIt(String edit, String remedy) {
    Outcome outcome =
        run("branch", trace, "--at", "1", "--edit", edit, "--to", folder + "/x.trace.jsonl");
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains("--edit", remedy);
  }

  @Test
  void aPlanSamplesParaphrasesRemasksAndSamplesAgain() throws IOException {
    Path plan =
        Files.writeString(
            folder.resolve("plan.json"),
            """
            {"rounds": 1, "fresh_seeds": true, "transforms": [
              {"when": "round", "do": "paraphrase", "how": "equations"},
              {"when": "round", "do": "remask", "in": "answer"}]}
            """);
    String file = folder.resolve("plan.trace.jsonl").toString();
    Outcome outcome = run("generate", "--plan", plan.toString(), "--trace", file, PROBLEM);
    assertThat(outcome.code()).as(outcome.err()).isZero();
    assertThat(outcome.out()).contains("7+24=31. 31-9=22. Answer: 22");
    assertThat(outcome.err()).contains("50 forwards (and 46 steps that asked nothing)");
    Trace read = Trace.readWhole(Path.of(file));
    assertThat(
            read.records().stream()
                .filter(TraceRecord.Event.class::isInstance)
                .map(each -> ((TraceRecord.Event) each).name()))
        .containsExactly("paraphrase", "remask", "round");
    assertThat(run("replay", file, "--from", "60").code()).isZero();
  }

  @Test
  void aWrongPlanIsRefusedBeforeTheTraceOfAnEarlierRunIsReplaced() throws IOException {
    Path plan = Files.writeString(folder.resolve("wrong.json"), "{\"rounds\": 1, \"whirl\": 2}");
    Path kept = Files.writeString(folder.resolve("kept.trace.jsonl"), "kept");
    Outcome outcome =
        run("generate", "--plan", plan.toString(), "--trace", kept.toString(), PROBLEM);
    assertThat(outcome.code()).isEqualTo(2);
    assertThat(outcome.err().lines()).hasSize(1);
    assertThat(outcome.err()).contains("knows no whirl");
    assertThat(kept).hasContent("kept");
  }

  @Test
  void anAuditOfTheBundledModelPassesEveryCheck() {
    Outcome outcome = run("audit", "--json", PROBLEM);
    assertThat(outcome.code()).as(outcome.out() + outcome.err()).isZero();
    JsonNode report = new JsonMapper().readTree(outcome.out());
    assertThat(report.path("passed").booleanValue()).isTrue();
    assertThat(report.path("checks").size()).isEqualTo(5);
    assertThat(report.path("checks").path(0).path("steps").intValue()).isEqualTo(48);
  }

  @Test
  void anAuditTakesEveryStepInAProcessOfItsOwnAndLeavesNoTrace() {
    Outcome outcome = run("audit", "--process-per-step", "--gen-length", "3", PROBLEM);
    assertThat(outcome.code()).as(outcome.out() + outcome.err()).isZero();
    assertThat(outcome.out()).contains("in 3 processes", "passed");
  }

  private static Outcome run(String... arguments) {
    return Outcome.of(arguments);
  }
}
