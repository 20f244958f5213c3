package dev.palimpsest.lab.measure;

import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.step.Prediction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * When a text had its answer, relative to its reasoning. Steps count from 0.
 *
 * <p>The estimate of a step is the text that the step saw with every position filled by what the
 * step was told of it, LLaDA's {@code x0}; where predictions were not recorded, the canvas after
 * the step, in which positions are still missing.
 *
 * @param spans of the last canvas
 * @param history the answers of the steps' estimates
 * @param firstHit the first step whose estimate has the final answer's tokens in their places
 *     (Prophet, arXiv 2508.19982)
 * @param answerCommitted the step after which all of the answer's positions were filled
 * @param lastChanged the last step that changed one of them
 * @param reasoningCommitted the share of the reasoning's positions filled after {@link
 *     #answerCommitted}
 * @param medianReasoningStep the median of the steps that wrote the reasoning
 */
public record AnswerStatistics(
    Spans spans,
    AnswerHistory history,
    OptionalInt firstHit,
    int answerCommitted,
    int lastChanged,
    OptionalDouble reasoningCommitted,
    OptionalDouble medianReasoningStep) {

  /**
   * Statistics of one trace.
   *
   * @param rule finds the answer
   * @param expected the right answer, if it is known
   * @return empty if the last canvas has no answer, or the answer was there before the first step
   */
  public static Optional<AnswerStatistics> of(
      Trace trace, SpanRule rule, Optional<String> expected) {
    Optional<Spans> found = find(trace, Spans.known(trace.last()), rule);
    if (found.isEmpty() || trace.steps() == 0) {
      return Optional.empty();
    }
    Spans spans = found.get();
    List<Optional<String>> estimates = new ArrayList<>();
    OptionalInt firstHit = OptionalInt.empty();
    for (int step = 0; step < trace.steps(); step++) {
      int[] ids = estimate(trace, step);
      estimates.add(find(trace, ids, rule).map(Spans::answer));
      if (firstHit.isEmpty() && hits(ids, spans, trace.last())) {
        firstHit = OptionalInt.of(step);
      }
    }
    int[] written = CommitSteps.of(trace);
    int committed = filledAfter(trace, spans.answerPositions());
    return Optional.of(
        new AnswerStatistics(
            spans,
            AnswerHistory.of(spans.answer(), estimates, expected),
            firstHit,
            committed,
            Arrays.stream(spans.answerPositions())
                .map(position -> written[position - trace.last().promptLength()])
                .max()
                .orElse(-1),
            filledShare(trace, committed, spans.reasoningPositions()),
            median(
                Arrays.stream(spans.reasoningPositions())
                    .map(position -> written[position - trace.last().promptLength()])
                    .sorted()
                    .toArray())));
  }

  private static Optional<Spans> find(Trace trace, int[] ids, SpanRule rule) {
    return rule.find(ids, trace.last().promptLength(), trace.header().specials(), trace::piece);
  }

  /** What a step made of everything after the prompt; below 0 where nothing is known. */
  private static int[] estimate(Trace trace, int step) {
    TraceRecord.Step record = trace.step(step);
    CanvasImage canvas =
        record.asked().isPresent()
            ? trace.canvasBefore(step)
            : trace.canvasAfterRecord(trace.indexOfStep(step));
    int[] ids = new int[canvas.length() - canvas.promptLength()];
    for (int index = 0; index < ids.length; index++) {
      int position = canvas.promptLength() + index;
      ids[index] =
          !canvas.state(position).isOpen()
              ? canvas.id(position)
              : record.asked().flatMap(each -> each.at(position)).map(Prediction::token).orElse(-1);
    }
    return ids;
  }

  private static boolean hits(int[] ids, Spans spans, CanvasImage last) {
    for (int position : spans.answerPositions()) {
      if (ids[position - last.promptLength()] != last.id(position)) {
        return false;
      }
    }
    return true;
  }

  /** The first step after which all positions are filled, or -1 if they were before the first. */
  private static int filledAfter(Trace trace, int[] positions) {
    for (int step = 0; step <= trace.steps(); step++) {
      CanvasImage canvas = trace.canvasBefore(step);
      if (Arrays.stream(positions).allMatch(at -> canvas.state(at) == CellState.COMMITTED)) {
        return step - 1;
      }
    }
    throw new IllegalStateException("an answer has a masked position");
  }

  private static OptionalDouble filledShare(Trace trace, int step, int[] positions) {
    CanvasImage canvas = trace.canvasBefore(step + 1);
    long filled =
        Arrays.stream(positions).filter(at -> canvas.state(at) == CellState.COMMITTED).count();
    return positions.length == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of((double) filled / positions.length);
  }

  private static OptionalDouble median(int[] sorted) {
    int length = sorted.length;
    return length == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of((sorted[(length - 1) / 2] + sorted[length / 2]) / 2.0);
  }
}
