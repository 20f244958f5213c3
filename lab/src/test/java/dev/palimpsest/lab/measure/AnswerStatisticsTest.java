package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Prediction;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A trace of five steps written by hand, a token a character. */
final class AnswerStatisticsTest {
  private static final int MASK = 0;

  @TempDir private Path folder;

  /**
   * Writes a trace from the texts before and after each step, an underscore where it is masked, and
   * what each step predicted for everything.
   */
  private Trace trace(List<String> texts, List<String> estimates) {
    SpecialTokens specials = new SpecialTokens(MASK, 1, OptionalInt.empty());
    TraceHeader header =
        new TraceHeader(
            "0.1.0",
            new TraceHeader.ModelIdentity("hand", "0", "0"),
            new TraceHeader.Machine("none", "none", "f32", Optional.empty()),
            TraceHeader.PROMISES,
            "llada",
            Map.of(),
            specials,
            canvas(texts.getFirst()),
            Cursor.START,
            Optional.empty());
    Path file = folder.resolve("hand.trace.jsonl");
    try (TraceWriter writer =
        TraceWriter.open(file, header, id -> String.valueOf((char) id), true)) {
      for (int step = 0; step + 1 < texts.size(); step++) {
        writer.snapshot(snapshot(step, texts.get(step), texts.get(step + 1), estimates.get(step)));
      }
      writer.end(true, canvas(texts.getLast()));
    }
    return Trace.readWhole(file);
  }

  private static Snapshot snapshot(int step, String before, String after, String estimate) {
    List<Commit> commits = new ArrayList<>();
    List<Commit> edits = new ArrayList<>();
    List<Integer> remasked = new ArrayList<>();
    List<Integer> rows = new ArrayList<>();
    List<Prediction> predictions = new ArrayList<>();
    for (int position = 0; position < before.length(); position++) {
      char was = before.charAt(position);
      char is = after.charAt(position);
      if (was == '_') {
        rows.add(position);
        int token = estimate.charAt(position);
        predictions.add(new Prediction(token, 0.5, token, 0.5, 0.1, 1, 1));
      }
      if (was != is && is == '_') {
        remasked.add(position);
      } else if (was != is) {
        (was == '_' ? commits : edits).add(new Commit(position, is, 0.5, 1, 0.4));
      }
    }
    return new Snapshot(
        new Cursor(step, 0, step, 0),
        commits,
        edits,
        remasked.stream().mapToInt(Integer::intValue).toArray(),
        List.of(),
        rows.stream().mapToInt(Integer::intValue).toArray(),
        predictions,
        1,
        canvas(after),
        0,
        step);
  }

  private static CanvasImage canvas(String text) {
    int[] ids = text.chars().map(each -> each == '_' ? MASK : each).toArray();
    CellState[] states =
        text.chars()
            .mapToObj(each -> each == '_' ? CellState.MASKED : CellState.COMMITTED)
            .toArray(CellState[]::new);
    return CanvasImage.of(ids, states, 0);
  }

  private Trace example() {
    return trace(
        List.of(
            "___ Answer: __",
            "a__ Answer: __",
            "a__ Answer: 4_",
            "a__ Answer: 42",
            "abx Answer: 42",
            "abc Answer: 42"),
        List.of(
            "aaa Answer: 17",
            "aaa Answer: 42",
            "aaa Answer: 43",
            "abx Answer: 42",
            "abx Answer: 42"));
  }

  @Test
  void theAnswerIsFollowedFromItsFirstEstimateToItsLastChange() {
    AnswerStatistics found =
        AnswerStatistics.of(example(), new SpanRule.Matching(Spans.ANSWER), Optional.of("42"))
            .orElseThrow();
    assertThat(found.spans().answer()).isEqualTo("42");
    assertThat(found.spans().answerPositions()).containsExactly(12, 13);
    assertThat(found.spans().reasoningPositions()).containsExactly(0, 1, 2, 3);
    assertThat(found.history().estimates())
        .extracting(each -> each.orElse(""))
        .containsExactly("17", "42", "43", "42", "42");
    assertThat(found.firstHit()).hasValue(1);
    assertThat(found.history().firstRight()).hasValue(1);
    assertThat(found.answerCommitted()).isEqualTo(2);
    assertThat(found.lastChanged()).isEqualTo(2);
    assertThat(found.history().flips()).isEqualTo(3);
    assertThat(found.reasoningCommitted()).hasValue(0.5);
    assertThat(found.medianReasoningStep()).hasValue(1.5);
    assertThat(found.history().temporalEntropy().orElseThrow())
        .isCloseTo(-(0.6 * Math.log(0.6) + 0.4 * Math.log(0.2)), within(1e-12));
    assertThat(found.history().everRight(0)).isFalse();
    assertThat(found.history().everRight(1)).isTrue();
  }

  @Test
  void aTokenThatWasOverwrittenOrMaskedAgainHasVanished() {
    assertThat(CommitSteps.vanished(example()))
        .containsExactly(new CommitSteps.Vanished(2, 'x', 3, 4));
    Trace revised = trace(List.of("__", "a_", "_b", "cb"), List.of("aa", "ab", "cb"));
    assertThat(CommitSteps.vanished(revised))
        .containsExactly(new CommitSteps.Vanished(0, 'a', 0, 1));
    assertThat(CommitSteps.of(revised)).containsExactly(2, 1);
  }

  @Test
  void aTextWithoutAnAnswerHasNoStatistics() {
    Trace none = trace(List.of("__", "ab"), List.of("ab"));
    assertThat(AnswerStatistics.of(none, new SpanRule.Matching(Spans.ANSWER), Optional.empty()))
        .isEmpty();
  }

  @Test
  void aForcedTemplateHasItsAnswerInItsSlot() {
    SpanRule rule = new SpanRule.Forced(new SpanRule.Slot(0, 2), new SpanRule.Slot(12, 13));
    AnswerStatistics found = AnswerStatistics.of(example(), rule, Optional.of("42")).orElseThrow();
    assertThat(found.spans().answer()).isEqualTo("42");
    assertThat(found.spans().answerPositions()).containsExactly(12, 13);
    assertThat(found.spans().reasoningPositions()).containsExactly(0, 1, 2);
    assertThat(found.history().estimates())
        .extracting(each -> each.orElse(""))
        .containsExactly("17", "42", "43", "42", "42");
    assertThat(found.answerCommitted()).isEqualTo(2);
    assertThat(found.reasoningCommitted().orElseThrow()).isCloseTo(1.0 / 3, within(1e-12));
  }

  @Test
  void aSlotEndsWhereTheTextDoes() {
    SpanRule rule = new SpanRule.Forced(new SpanRule.Slot(0, 0), new SpanRule.Slot(2, 5));
    Trace ended = trace(List.of("a=____", "a=4___", "a=42\1\1"), List.of("a=42\1\1", "a=42\1\1"));
    AnswerStatistics found = AnswerStatistics.of(ended, rule, Optional.empty()).orElseThrow();
    assertThat(found.spans().answer()).isEqualTo("42");
    assertThat(found.spans().answerPositions()).containsExactly(2, 3);
    Trace empty = trace(List.of("a=____", "a=\1\1\1\1"), List.of("a=\1\1\1\1"));
    assertThat(AnswerStatistics.of(empty, rule, Optional.empty())).isEmpty();
  }

  @Test
  void aSlotBeyondTheCanvasIsRefused() {
    SpanRule rule = new SpanRule.Forced(new SpanRule.Slot(0, 0), new SpanRule.Slot(13, 14));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> AnswerStatistics.of(example(), rule, Optional.empty()))
        .withMessage("a slot from 13 to 14 lies outside the 14 positions after the prompt");
    assertThatIllegalArgumentException().isThrownBy(() -> new SpanRule.Slot(3, 2));
  }
}
