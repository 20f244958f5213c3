package dev.palimpsest.sampler;

import java.util.Arrays;

/** A canvas at one moment, immutable: 8 bytes or so a position. */
public final class CanvasImage {
  private final int[] ids;
  private final CellState[] states;
  private final int promptLength;

  CanvasImage(int[] ids, CellState[] states, int promptLength) {
    this.ids = ids.clone();
    this.states = states.clone();
    this.promptLength = promptLength;
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

  /** A copy of all ids. */
  public int[] ids() {
    return ids.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CanvasImage image
        && promptLength == image.promptLength
        && Arrays.equals(ids, image.ids)
        && Arrays.equals(states, image.states);
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
      text.append(states[position] == CellState.MASKED ? "_" : String.valueOf(ids[position]));
    }
    return text.toString();
  }
}
