package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.step.Philox;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Where a run stands between two steps, which is all that an intervention sees of it.
 *
 * @param canvas as it is now
 * @param before the canvas that the last step read, if there was one
 * @param at where the run goes on
 * @param steps taken so far, over all rounds; part of the random keys
 * @param finished whether the sampler is done with the canvas as it is
 * @param seed of the run
 * @param language how ids are text
 */
public record StepContext(
    CanvasImage canvas,
    Optional<CanvasImage> before,
    Cursor at,
    int steps,
    boolean finished,
    long seed,
    Language language) {
  /**
   * Choices of an intervention; index 0. Lane 0 is whether a position is chosen, lane 1 its token.
   */
  public static final Philox.Purpose CHOICE = new Philox.Purpose(5);

  /** Every position after the prompt, ascending. */
  public List<Integer> positions() {
    return IntStream.range(canvas.promptLength(), canvas.length()).boxed().toList();
  }

  /** Whether a position after the prompt is filled with text: neither masked nor an end. */
  public boolean isText(int position) {
    return canvas.state(position) == CellState.COMMITTED && language.isText(canvas.id(position));
  }

  /** The text of a position; a character that nothing matches where it is masked. */
  public String piece(int position) {
    return canvas.state(position).isOpen() ? "\uFFFC" : language.piece(canvas.id(position));
  }

  /**
   * A uniform number for a choice at a position.
   *
   * @param lane 0 to 3: which of a position's numbers
   */
  public double uniform(int position, int lane) {
    int[] words = new int[4];
    Philox.block(seed, steps, position, CHOICE, 0, words);
    return Philox.uniform(words[lane]);
  }

  /**
   * The stretches of positions that are filled with text, each as long as can be. A word or a
   * number that a mask touches is left out: it may be the half of another.
   */
  public List<Stretch> stretches(List<Integer> positions) {
    List<Stretch> stretches = new ArrayList<>();
    List<Integer> open = new ArrayList<>();
    for (int position : positions) {
      if (!open.isEmpty() && position != open.getLast() + 1) {
        whole(open).ifPresent(stretches::add);
        open.clear();
      }
      if (isText(position)) {
        open.add(position);
      }
    }
    whole(open).ifPresent(stretches::add);
    return stretches;
  }

  /** The stretch without what a mask may have cut. */
  private Optional<Stretch> whole(List<Integer> positions) {
    int from = 0;
    int to = positions.size();
    if (to > 0 && isMasked(positions.getFirst() - 1)) {
      while (from < to && startsInWord(piece(positions.get(from)))) {
        from++;
      }
    }
    if (to > from && isMasked(positions.getLast() + 1)) {
      while (from < to && endsInWord(piece(positions.get(to - 1)))) {
        to--;
      }
    }
    return from < to ? Optional.of(stretch(positions.subList(from, to))) : Optional.empty();
  }

  private boolean isMasked(int position) {
    return position >= 0 && position < canvas.length() && canvas.state(position).isOpen();
  }

  private static boolean startsInWord(String piece) {
    return !piece.isEmpty() && Character.isLetterOrDigit(piece.codePointAt(0));
  }

  private static boolean endsInWord(String piece) {
    return !piece.isEmpty() && Character.isLetterOrDigit(piece.codePointBefore(piece.length()));
  }

  private Stretch stretch(List<Integer> positions) {
    StringBuilder text = new StringBuilder();
    List<Integer> starts = new ArrayList<>();
    for (int position : positions) {
      starts.add(text.length());
      text.append(piece(position));
    }
    return new Stretch(List.copyOf(positions), text.toString(), starts);
  }

  /**
   * Neighbouring positions and their text.
   *
   * @param positions ascending, without gaps
   * @param text theirs together
   * @param starts where each begins in it
   */
  public record Stretch(List<Integer> positions, String text, List<Integer> starts) {
    /** The positions with a character of {@code [from, to)}. */
    public List<Integer> within(int from, int to) {
      List<Integer> found = new ArrayList<>();
      for (int index = 0; index < positions.size(); index++) {
        int end = index + 1 < starts.size() ? starts.get(index + 1) : text.length();
        if (starts.get(index) < to && end > from) {
          found.add(positions.get(index));
        }
      }
      return found;
    }
  }
}
