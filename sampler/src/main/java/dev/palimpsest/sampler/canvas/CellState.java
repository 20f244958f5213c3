package dev.palimpsest.sampler.canvas;

/** What a position of a canvas is. The state decides, never the id that stands there. */
public enum CellState {
  /** Given by the caller; never changed, whatever its id. */
  PROMPT,
  /** Not filled yet; holds the mask id. */
  MASKED,
  /** Filled by a step. */
  COMMITTED,
  /**
   * Given by the caller behind the prompt; never changed, whatever its id. With the mask id it is a
   * mask that stays one.
   */
  FIXED
}
