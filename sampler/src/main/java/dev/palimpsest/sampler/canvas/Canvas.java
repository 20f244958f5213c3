package dev.palimpsest.sampler.canvas;

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

  /**
   * A canvas that goes on from an image.
   *
   * @throws IllegalArgumentException if a masked position does not hold the mask id
   */
  public Canvas(CanvasImage image, int maskId) {
    promptLength = image.promptLength();
    ids = image.ids();
    states = image.states();
    this.maskId = maskId;
    for (int position = 0; position < ids.length; position++) {
      if (states[position] == CellState.MASKED) {
        masked++;
        if (ids[position] != maskId) {
          throw new IllegalArgumentException(
              "position "
                  + position
                  + " is MASKED and holds id "
                  + ids[position]
                  + " instead of the mask id "
                  + maskId);
        }
      }
    }
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

  /** Positions still masked. */
  public int masked() {
    return masked;
  }

  /**
   * Fills a masked position.
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

  /**
   * Replaces the id of a committed position.
   *
   * @throws IllegalStateException if the position is not committed
   */
  public void edit(int position, int id) {
    requireCommitted(position, "edited");
    ids[position] = id;
  }

  /**
   * Masks a committed position again.
   *
   * @throws IllegalStateException if the position is not committed
   */
  public void remask(int position) {
    requireCommitted(position, "remasked");
    ids[position] = maskId;
    states[position] = CellState.MASKED;
    masked++;
  }

  /**
   * Fills, replaces and masks again what a turn says.
   *
   * @throws IllegalStateException if a position is not in the state that this needs
   */
  public void apply(Turn turn) {
    for (Commit commit : turn.commits()) {
      commit(commit.position(), commit.token());
    }
    for (Commit edit : turn.edits()) {
      edit(edit.position(), edit.token());
    }
    for (int position : turn.remasked()) {
      remask(position);
    }
  }

  private void requireCommitted(int position, String done) {
    if (states[position] != CellState.COMMITTED) {
      throw new IllegalStateException(
          "position " + position + " is " + states[position] + ": only COMMITTED can be " + done);
    }
  }

  /** The canvas as it is now, immutable. */
  public CanvasImage image() {
    return new CanvasImage(ids, states, promptLength);
  }
}
