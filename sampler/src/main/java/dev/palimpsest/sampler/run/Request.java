package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.SnapshotListener;

/** A run to take to its end, and who hears of its steps. Callers add what they know it by. */
public interface Request {
  /** The run, at its first step or at any other. */
  Run run();

  /** The listener that hears of every step. */
  SnapshotListener listener();

  /** A request of which callers know nothing else. */
  static Request of(Run run, SnapshotListener listener) {
    return new Plain(run, listener);
  }

  /** A run and its listener alone. */
  record Plain(Run run, SnapshotListener listener) implements Request {}
}
