package dev.palimpsest.lab.answer;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** How the answer and the reasoning of a text are told apart. */
public sealed interface SpanRule {
  /**
   * The spans of the ids after a prompt.
   *
   * @param ids below 0 where nothing is known
   * @param firstPosition of the first of them in the canvas
   * @return empty if there is no answer, or not all of it is known
   */
  Optional<Spans> find(
      int[] ids, int firstPosition, SpecialTokens specials, IntFunction<String> pieces);

  /**
   * The answer is what the pattern's group took where it matches last; the reasoning is what
   * precedes that match.
   *
   * @param pattern with one group, the answer
   */
  record Matching(Pattern pattern) implements SpanRule {
    @Override
    public Optional<Spans> find(
        int[] ids, int firstPosition, SpecialTokens specials, IntFunction<String> pieces) {
      return Spans.find(ids, firstPosition, specials, pieces, pattern);
    }
  }

  /**
   * Answer and reasoning stand in slots of their own, on a canvas whose template was forced before
   * the first step. The answer is what stands in its slot up to the first end of a text.
   *
   * @param reasoning the slot of the reasoning
   * @param answer the slot of the answer
   */
  record Forced(Slot reasoning, Slot answer) implements SpanRule {
    @Override
    public Optional<Spans> find(
        int[] ids, int firstPosition, SpecialTokens specials, IntFunction<String> pieces) {
      int[] answered = answer.written(ids, specials);
      if (answered.length == 0 || Arrays.stream(answered).anyMatch(index -> ids[index] < 0)) {
        return Optional.empty();
      }
      StringBuilder text = new StringBuilder();
      for (int index : answered) {
        text.append(pieces.apply(ids[index]));
      }
      return Optional.of(
          new Spans(
              text.toString().strip(),
              Arrays.stream(answered).map(index -> firstPosition + index).toArray(),
              Arrays.stream(reasoning.written(ids, specials))
                  .map(index -> firstPosition + index)
                  .toArray()));
    }
  }

  /**
   * Some positions in a row, counted from the end of the prompt.
   *
   * @param first of them, 0 or above
   * @param last of them, {@code first} or above
   */
  record Slot(int first, int last) {
    /** Checks the order. */
    public Slot {
      if (first < 0 || last < first) {
        throw new IllegalArgumentException(
            "a slot from %d to %d: it needs 0 <= first <= last".formatted(first, last));
      }
    }

    /** The slot's indices up to the first id that ends a text. */
    private int[] written(int[] ids, SpecialTokens specials) {
      if (last >= ids.length) {
        throw new IllegalArgumentException(
            "a slot from %d to %d lies outside the %d positions after the prompt"
                .formatted(first, last, ids.length));
      }
      return IntStream.rangeClosed(first, last)
          .takeWhile(index -> ids[index] < 0 || !specials.isStop(ids[index]))
          .toArray();
    }
  }
}
