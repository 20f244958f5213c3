package dev.palimpsest.sampler.intervention;

import java.util.Optional;

/**
 * Looks at the canvas between two steps and says what to change. One that writes nothing is a
 * monitor: its cause is a flag in the trace, and it may ask for a remask or a stop.
 */
public interface StepTransform {
  /** What it is called in a trace. */
  String name();

  /** What to change now; empty to leave everything, and the trace, as they are. */
  Optional<Change> change(Moment moment);

  /** The most forwards that one call runs. */
  default int mostForwards() {
    return 0;
  }
}
