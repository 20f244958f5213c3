package dev.palimpsest.lab.answer;

import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.intervention.Moment;
import dev.palimpsest.sampler.intervention.Region;
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
    public List<Integer> positions(Moment moment) {
      return spans(moment).map(spans -> list(spans.answerPositions())).orElse(List.of());
    }

    @Override
    public String label() {
      return "the answer";
    }
  }

  /** What stands before the answer; everything up to the end of the text where there is none. */
  record Reasoning(Pattern pattern) implements AnswerRegion {
    @Override
    public List<Integer> positions(Moment moment) {
      return spans(moment)
          .map(spans -> list(spans.reasoningPositions()))
          .orElseGet(
              () ->
                  moment.positions().stream()
                      .filter(position -> !isEnd(moment, position))
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
    public List<Integer> positions(Moment moment) {
      Set<Integer> answer = new TreeSet<>(new Answer(pattern).positions(moment));
      return moment.positions().stream().filter(position -> !answer.contains(position)).toList();
    }

    @Override
    public String label() {
      return "the text without its answer";
    }
  }

  /** The answer and the reasoning of the text as it is now, if it has an answer. */
  default Optional<Spans> spans(Moment moment) {
    return Spans.of(
        moment.canvas(), moment.language().specials(), moment.language().pieces(), pattern());
  }

  private static boolean isEnd(Moment moment, int position) {
    return moment.canvas().state(position) == CellState.COMMITTED && !moment.isText(position);
  }

  private static List<Integer> list(int[] positions) {
    return Arrays.stream(positions).boxed().toList();
  }
}
