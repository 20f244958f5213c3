package dev.palimpsest.sampler;

import java.util.Arrays;

/**
 * The text being written: an id and a state for every position, the prompt first.
 *
 * <p>LLaDA's {@code generate} asks {@code x == mask_id} to learn what is masked, so that a mask id
 * inside the prompt competes for the budget of every block, and a mask id that the model predicts
 * masks its position again. Here the state is kept apart from the id, and neither can happen.
 */
public final class Canvas {
  private final int[] ids;
  private final CellState[] states;
  private final int promptLength;
  private final int maskId;
  private int masked;

  /**
   * A canvas of {@code prompt} and {@code genLength} masks.
   *
   * @param prompt may be empty; copied
   * @param genLength positions to fill, at least 1
   * @param maskId the id that the model reads as a mask
   */
  public Canvas(int[] prompt, int genLength, int maskId) {
    if (genLength < 1) {
      throw new IllegalArgumentException("a canvas needs a position to fill, got " + genLength);
    }
    promptLength = prompt.length;
    ids = Arrays.copyOf(prompt, Math.addExact(promptLength, genLength));
    Arrays.fill(ids, promptLength, ids.length, maskId);
    states = new CellState[ids.length];
    Arrays.fill(states, 0, promptLength, CellState.PROMPT);
    Arrays.fill(states, promptLength, states.length, CellState.MASKED);
    this.maskId = maskId;
    masked = genLength;
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

  /** A copy of all ids: what the model reads. */
  public int[] ids() {
    return ids.clone();
  }

  /**
   * A copy of all ids with the prompt masked out: what LLaDA's classifier-free guidance calls
   * {@code un_x}. A prompt's mask ids are masks in it already.
   */
  public int[] idsWithoutPrompt() {
    int[] copy = ids.clone();
    Arrays.fill(copy, 0, promptLength, maskId);
    return copy;
  }

  /** Positions still masked. */
  public int masked() {
    return masked;
  }

  /** The masked positions of {@code [from, to)}, ascending. */
  public int[] maskedPositions(int from, int to) {
    int[] found = new int[to - from];
    int count = 0;
    for (int position = from; position < to; position++) {
      if (states[position] == CellState.MASKED) {
        found[count++] = position;
      }
    }
    return Arrays.copyOf(found, count);
  }

  /**
   * Fills a masked position for good.
   *
   * @throws IllegalStateException if the position is not masked
   */
  public void commit(int position, int id) {
    if (states[position] != CellState.MASKED) {
      throw new IllegalStateException(
          "position " + position + " is " + states[position] + ": only MASKED can be committed");
    }
    ids[position] = id;
    states[position] = CellState.COMMITTED;
    masked--;
  }

  /** The canvas as it is now, immutable. */
  public CanvasImage image() {
    return new CanvasImage(ids, states, promptLength);
  }
}
