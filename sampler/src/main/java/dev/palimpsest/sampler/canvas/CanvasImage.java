package dev.palimpsest.sampler.canvas;

import java.util.Arrays;
import java.util.stream.IntStream;

/** A canvas at one moment, immutable: 8 bytes or so a position. */
public final class CanvasImage {
  private final int[] ids;
  private final CellState[] states;
  private final int promptLength;
  private final Drafts drafts;

  CanvasImage(int[] ids, CellState[] states, int promptLength, Drafts drafts) {
    this.ids = ids.clone();
    this.states = states.clone();
    this.promptLength = promptLength;
    this.drafts = drafts;
  }

  /**
   * A prompt and masks.
   *
   * @param prompt may be empty
   * @param genLength positions to fill, at least 1
   * @param maskId the id that the model reads as a mask
   */
  public static CanvasImage masked(int[] prompt, int genLength, int maskId) {
    if (genLength < 1) {
      throw new IllegalArgumentException("a canvas needs a position to fill, got " + genLength);
    }
    int[] ids = Arrays.copyOf(prompt, Math.addExact(prompt.length, genLength));
    Arrays.fill(ids, prompt.length, ids.length, maskId);
    CellState[] states = new CellState[ids.length];
    Arrays.fill(states, 0, prompt.length, CellState.PROMPT);
    Arrays.fill(states, prompt.length, states.length, CellState.MASKED);
    return new CanvasImage(ids, states, prompt.length, Drafts.NONE);
  }

  /**
   * An image put together from its parts, for instance from a trace.
   *
   * @param ids of prompt and text; copied
   * @param states as many as ids; {@link CellState#PROMPT} in the prompt and nowhere else; copied
   * @param promptLength the first position that is not the prompt's
   * @throws IllegalArgumentException if the parts do not fit
   */
  public static CanvasImage of(int[] ids, CellState[] states, int promptLength) {
    return of(ids, states, promptLength, Drafts.NONE);
  }

  /**
   * As above, with drafts.
   *
   * @throws IllegalArgumentException if the parts do not fit
   */
  public static CanvasImage of(int[] ids, CellState[] states, int promptLength, Drafts drafts) {
    if (drafts.first() < 0 || drafts.first() + drafts.ids().length > ids.length) {
      throw new IllegalArgumentException(
          "drafts of %d positions from %d on are beyond a canvas of %d"
              .formatted(drafts.ids().length, drafts.first(), ids.length));
    }
    if (states.length != ids.length || promptLength < 0 || promptLength > ids.length) {
      throw new IllegalArgumentException(
          "a canvas of %d ids needs as many states and a prompt within it, got %d and %d"
              .formatted(ids.length, states.length, promptLength));
    }
    for (int position = 0; position < ids.length; position++) {
      if ((states[position] == CellState.PROMPT) != (position < promptLength)) {
        throw new IllegalArgumentException(
            "position %d is %s where the prompt has %d positions"
                .formatted(position, states[position], promptLength));
      }
    }
    return new CanvasImage(ids, states, promptLength, drafts);
  }

  /** Positions of prompt and text together. */
  public int length() {
    return ids.length;
  }

  /** The first position that is not the prompt's. */
  public int promptLength() {
    return promptLength;
  }

  /** The id at a position; the mask id where it is masked. */
  public int id(int position) {
    return ids[position];
  }

  /** The state of a position. */
  public CellState state(int position) {
    return states[position];
  }

  /** What the last step found most probable, if the sampler keeps it. */
  public Drafts drafts() {
    return drafts;
  }

  /** A copy of all ids. */
  public int[] ids() {
    return ids.clone();
  }

  /** A copy of all states. */
  public CellState[] states() {
    return states.clone();
  }

  /**
   * A copy of all ids with the prompt masked out: what LLaDA's classifier-free guidance calls
   * {@code un_x}. A prompt's mask ids are masks in it already.
   */
  public int[] idsWithoutPrompt(int maskId) {
    int[] copy = ids.clone();
    Arrays.fill(copy, 0, promptLength, maskId);
    return copy;
  }

  /** The first position that is not filled; the canvas's length if all are. */
  public int firstOpen() {
    int position = promptLength;
    while (position < ids.length && !states[position].isOpen()) {
      position++;
    }
    return position;
  }

  /** Whether a step has written an id that ends a text before {@code end}. */
  public boolean stopsBefore(int end, SpecialTokens specials) {
    for (int position = promptLength; position < end; position++) {
      if (states[position] == CellState.COMMITTED && specials.isStop(ids[position])) {
        return true;
      }
    }
    return false;
  }

  /** The positions of {@code [from, to)} that are not filled, ascending. */
  public int[] open(int from, int to) {
    return IntStream.range(from, to).filter(position -> states[position].isOpen()).toArray();
  }

  /** The first position that was not given by the caller; the canvas's length if all were. */
  public int firstOwn() {
    int position = promptLength;
    while (position < ids.length && states[position] == CellState.FIXED) {
      position++;
    }
    return position;
  }

  /** The positions of {@code [from, to)} in a state, ascending. */
  public int[] positions(CellState state, int from, int to) {
    int[] found = new int[to - from];
    int count = 0;
    for (int position = from; position < to; position++) {
      if (states[position] == state) {
        found[count++] = position;
      }
    }
    return Arrays.copyOf(found, count);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CanvasImage image
        && promptLength == image.promptLength
        && Arrays.equals(ids, image.ids)
        && Arrays.equals(states, image.states)
        && drafts.equals(image.drafts);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(ids) + Arrays.hashCode(states);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (int position = 0; position < ids.length; position++) {
      if (position > 0) {
        text.append(position == promptLength ? " | " : " ");
      }
      text.append(states[position].isOpen() ? "_" : String.valueOf(ids[position]));
    }
    return text.toString();
  }
}
