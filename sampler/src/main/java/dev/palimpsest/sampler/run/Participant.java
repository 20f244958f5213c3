package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;
import java.util.Optional;

/**
 * What takes part in the steps of a {@link Driver}: it says what it needs predicted and takes the
 * predictions. It never calls a model and reads no clock.
 */
public sealed interface Participant permits Run, Scoring {

  /** Whether there is nothing left to do. */
  boolean finished();

  /**
   * What is needed next: {@link Query#NOTHING} or another query without rows if no prediction is.
   * Asked again before {@link #accept}, it answers the same.
   *
   * @throws IllegalStateException if it is finished
   */
  Query ask();

  /**
   * Goes on with what was asked for.
   *
   * @param predictions one per row of the query, in its order, and as the query's draw wants them
   * @param elapsedNanos since it was submitted, for the snapshot
   * @return the step that was taken, if this was one of a sampler's
   * @throws IllegalStateException if it is finished
   */
  Optional<Snapshot> accept(List<Prediction> predictions, long elapsedNanos);

  /** The most tokens one of its queries holds, both halves of a guided query counted. */
  long width();
}
