package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Scoring;

/** How a work came to its end. */
sealed interface Outcome {
  /**
   * It was written, up to its end or as far as was asked for.
   *
   * @param next where its run would go on
   */
  record Written(Generation generation, Cursor next) implements Outcome {}

  /** It was scored. */
  record Scored(Scoring scoring) implements Outcome {}

  /** Its run threw, or the model did. */
  record Failed(RuntimeException failure) implements Outcome {}

  /** Nobody waits for it any more. */
  record Unwanted() implements Outcome {}

  /** The server ends before it. */
  record ServerEnds() implements Outcome {}

  /** Its time was up. */
  record TimedOut() implements Outcome {}
}
