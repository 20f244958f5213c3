package dev.palimpsest.lab.answer;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Which positions of a text are its answer and which its reasoning. The text is the pieces of the
 * ids after the prompt, one after another, up to the first id that ends it.
 *
 * @param answer what the pattern's group took, stripped
 * @param answerPositions positions with a character of it, ascending
 * @param reasoningPositions positions before everything that the pattern matched, ascending
 */
public record Spans(String answer, int[] answerPositions, int[] reasoningPositions) {

  /**
   * The last {@code Answer:} and what follows it to the end of its line, or of the next line that
   * is not blank; white space around it is not part of it.
   */
  public static final Pattern ANSWER =
      Pattern.compile("Answer:(?!(?s:.*)Answer:)\\s*(\\S(?:.*\\S)?)");

  /** Stands for a position of which nothing is known; an answer with one is none. */
  private static final char UNKNOWN = '\uFFFC';

  /**
   * Finds the pattern's last match.
   *
   * @param ids after the prompt; below 0 where nothing is known
   * @param firstPosition of the first of them in the canvas
   * @param pattern with one group, the answer
   * @return empty if there is none
   */
  public static Optional<Spans> find(
      int[] ids,
      int firstPosition,
      SpecialTokens specials,
      IntFunction<String> pieces,
      Pattern pattern) {
    StringBuilder text = new StringBuilder();
    int[] starts = new int[ids.length + 1];
    int length = 0;
    while (length < ids.length && !(ids[length] >= 0 && specials.isStop(ids[length]))) {
      starts[length] = text.length();
      text.append(ids[length] < 0 ? String.valueOf(UNKNOWN) : pieces.apply(ids[length]));
      length++;
    }
    starts[length] = text.length();
    Optional<MatchResult> last = lastMatch(text, pattern);
    if (last.isEmpty()) {
      return Optional.empty();
    }
    int match = last.get().start();
    int from = last.get().start(1);
    int to = last.get().end(1);
    if (text.substring(match, to).indexOf(UNKNOWN) >= 0) {
      return Optional.empty();
    }
    int[] answer = new int[length];
    int[] reasoning = new int[length];
    int answers = 0;
    int reasonings = 0;
    for (int index = 0; index < length; index++) {
      if (starts[index + 1] > from && starts[index] < to) {
        answer[answers++] = firstPosition + index;
      } else if (starts[index + 1] <= match) {
        reasoning[reasonings++] = firstPosition + index;
      }
    }
    return Optional.of(
        new Spans(
            text.substring(from, to).strip(),
            Arrays.copyOf(answer, answers),
            Arrays.copyOf(reasoning, reasonings)));
  }

  /**
   * The answer in a text: what the pattern's one group took where it matches last, stripped.
   *
   * @return empty if there is none
   */
  public static Optional<String> answer(String text, Pattern pattern) {
    return lastMatch(text, pattern).map(match -> match.group(1).strip());
  }

  /** The last match in which the group took part. */
  private static Optional<MatchResult> lastMatch(CharSequence text, Pattern pattern) {
    return pattern
        .matcher(text)
        .results()
        .filter(match -> match.start(1) >= 0)
        .reduce((_, later) -> later);
  }

  /** The spans of a canvas; a masked position is unknown. */
  public static Optional<Spans> of(
      CanvasImage canvas, SpecialTokens specials, IntFunction<String> pieces, Pattern pattern) {
    return find(known(canvas), canvas.promptLength(), specials, pieces, pattern);
  }

  /** The ids after the prompt, below 0 where they are masked. */
  public static int[] known(CanvasImage canvas) {
    int[] ids = Arrays.copyOfRange(canvas.ids(), canvas.promptLength(), canvas.length());
    for (int index = 0; index < ids.length; index++) {
      if (canvas.state(canvas.promptLength() + index).isOpen()) {
        ids[index] = -1;
      }
    }
    return ids;
  }
}
