package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import java.util.Arrays;

/** A canvas that is put together from left to right: a prompt, ids that stay, and gaps. */
final class CanvasBuilder {
  private static final int ROOM = 64;

  private final int maskId;
  private int[] ids = new int[ROOM];
  private CellState[] states = new CellState[ROOM];
  private int length;

  CanvasBuilder(int maskId) {
    this.maskId = maskId;
  }

  /** Positions so far. */
  int length() {
    return length;
  }

  /** Adds ids. */
  CanvasBuilder add(int[] more, CellState state) {
    int needed = Math.addExact(length, more.length);
    if (needed > ids.length) {
      int capacity = Math.max(needed, 2 * length);
      ids = Arrays.copyOf(ids, capacity);
      states = Arrays.copyOf(states, capacity);
    }
    System.arraycopy(more, 0, ids, length, more.length);
    Arrays.fill(states, length, needed, state);
    length = needed;
    return this;
  }

  /** Adds a gap. */
  CanvasBuilder gap(int positions, CellState state) {
    int[] masks = new int[positions];
    Arrays.fill(masks, maskId);
    return add(masks, state);
  }

  /** The canvas; its prompt is what begins it in that state. */
  CanvasImage canvas() {
    int promptLength = 0;
    while (promptLength < length && states[promptLength] == CellState.PROMPT) {
      promptLength++;
    }
    return CanvasImage.of(Arrays.copyOf(ids, length), Arrays.copyOf(states, length), promptLength);
  }
}
