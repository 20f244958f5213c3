package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;
import java.util.Optional;

/**
 * One generation as a state machine: it says what it needs predicted, takes the predictions,
 * changes its canvas, and says whether it is finished. It never calls a model and reads no clock; a
 * {@link Driver} does.
 */
public interface Run {

  /** Whether there is nothing left to do. */
  boolean finished();

  /** Whether it came to its sampler's end, instead of being stopped. */
  boolean complete();

  /**
   * What is needed next: {@link Query#NOTHING} or another query without rows if no prediction is.
   * Asked again before {@link #accept}, it answers the same.
   *
   * @throws IllegalStateException if the run is finished
   */
  Query ask();

  /**
   * Goes on with what was asked for.
   *
   * @param predictions one per row of the query, in its order, and as the query's draw wants them
   * @param elapsedNanos since the run was submitted, for the snapshot
   * @return the step that was taken, if this was one of the sampler's
   * @throws IllegalStateException if the run is finished
   */
  Optional<Snapshot> accept(List<Prediction> predictions, long elapsedNanos);

  /** How its canvas is filled. */
  Sampler sampler();

  /** The canvas as it is now. */
  CanvasImage canvas();

  /** The cursor of its next step. */
  Cursor cursor();

  /** The most tokens one of its queries holds, both halves of a guided query counted. */
  long width();

  /** The ids that end its text. */
  default SpecialTokens specials() {
    return sampler().specials();
  }
}
