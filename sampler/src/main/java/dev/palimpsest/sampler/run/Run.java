package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.Sampler;

/**
 * One generation as a state machine: it says what it needs predicted, takes the predictions,
 * changes its canvas, and says whether it is finished. It never calls a model and reads no clock; a
 * {@link Driver} does.
 */
public non-sealed interface Run extends Participant {

  /** Whether it came to its sampler's end, instead of being stopped. */
  boolean complete();

  /** How its canvas is filled. */
  Sampler sampler();

  /** The canvas as it is now. */
  CanvasImage canvas();

  /** The cursor of its next step. */
  Cursor cursor();

  /**
   * The end of the text that stands for good, {@link Sampler#settled}.
   *
   * @return a position, exclusive; at least the prompt's length
   */
  int settled();

  /** The ids that end its text. */
  default SpecialTokens specials() {
    return sampler().specials();
  }
}
