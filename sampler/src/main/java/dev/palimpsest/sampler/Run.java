package dev.palimpsest.sampler;

import dev.palimpsest.engine.Prediction;
import dev.palimpsest.engine.Query;
import java.util.List;

/**
 * One generation as a state machine: it says what it needs predicted, takes the predictions,
 * changes its canvas, and says whether it is finished. It never calls a model, reads no clock and
 * holds nothing between steps but token ids, their states and counters.
 */
public interface Run {

  /** Whether no further step is needed. */
  boolean finished();

  /**
   * What the next step needs predicted. Changes nothing: asked twice, it answers the same.
   *
   * @throws IllegalStateException if the run is finished
   */
  Query ask();

  /**
   * Takes the step.
   *
   * @param predictions one per row of {@link #ask}, in its order
   * @param elapsedNanos since the run was submitted, for the snapshot
   * @throws IllegalStateException if the run is finished or the predictions do not fit; the run is
   *     then unchanged
   */
  Snapshot accept(List<Prediction> predictions, long elapsedNanos);

  /** The canvas as it is now. */
  CanvasImage canvas();

  /** The ids that end its text. */
  SpecialTokens specials();

  /** The most tokens one of its queries holds, both halves of a guided query counted. */
  long width();
}
