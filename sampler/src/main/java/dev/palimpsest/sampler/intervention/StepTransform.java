package dev.palimpsest.sampler.intervention;

/**
 * Looks at the canvas between two steps and says what to change. One that writes nothing is a
 * monitor: its cause is a flag in the trace, and it may ask for a remask or a stop.
 */
public interface StepTransform {
  /** What it is called in a trace. */
  String name();

  /** What to do with the canvas as it is now. */
  Decision decide(StepContext context);

  /** The most questions that it asks before it acts. */
  default int mostForwards() {
    return 0;
  }
}
