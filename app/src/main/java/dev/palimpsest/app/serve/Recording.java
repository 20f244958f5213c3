package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.run.Generation;

/** A trace that is written while its text is. */
interface Recording {
  /** The name that it is found by. */
  String id();

  /** Records a step. */
  void snapshot(Snapshot snapshot);

  /** Records the end. */
  void end(Generation generation);

  /** Lets go of the trace, whether it has an end or not. */
  void close();
}
