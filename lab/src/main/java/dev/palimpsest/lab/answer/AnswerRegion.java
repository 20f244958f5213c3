package dev.palimpsest.lab.answer;

import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.intervention.StepContext;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** Positions by their part in a text that gives an answer. */
public sealed interface AnswerRegion extends Region {

  /** Finds the answer in a text; its one group is the answer. */
  Pattern pattern();

  /** The answer, where the text has one already. */
  record Answer(Pattern pattern) implements AnswerRegion {
    @Override
    public List<Integer> positions(StepContext context) {
      return spans(context).map(spans -> list(spans.answerPositions())).orElse(List.of());
    }

    @Override
    public String label() {
      return "the answer";
    }
  }

  /** What stands before the answer; everything up to the end of the text where there is none. */
  record Reasoning(Pattern pattern) implements AnswerRegion {
    @Override
    public List<Integer> positions(StepContext context) {
      return spans(context)
          .map(spans -> list(spans.reasoningPositions()))
          .orElseGet(
              () ->
                  context.positions().stream()
                      .filter(position -> !isEnd(context, position))
                      .toList());
    }

    @Override
    public String label() {
      return "the reasoning";
    }
  }

  /** Everything but the answer. */
  record AllButAnswer(Pattern pattern) implements AnswerRegion {
    @Override
    public List<Integer> positions(StepContext context) {
      Set<Integer> answer = new TreeSet<>(new Answer(pattern).positions(context));
      return context.positions().stream().filter(position -> !answer.contains(position)).toList();
    }

    @Override
    public String label() {
      return "the text without its answer";
    }
  }

  /** The answer and the reasoning of the text as it is now, if it has an answer. */
  default Optional<Spans> spans(StepContext context) {
    return Spans.of(
        context.canvas(), context.language().specials(), context.language().pieces(), pattern());
  }

  private static boolean isEnd(StepContext context, int position) {
    return context.canvas().state(position) == CellState.COMMITTED && !context.isText(position);
  }

  private static List<Integer> list(int[] positions) {
    return Arrays.stream(positions).boxed().toList();
  }
}
