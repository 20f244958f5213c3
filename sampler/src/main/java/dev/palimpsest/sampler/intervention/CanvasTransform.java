package dev.palimpsest.sampler.intervention;

import java.util.Optional;

/** An intervention that decides by the canvas alone and asks no model. */
public interface CanvasTransform extends StepTransform {
  /** What to change now; empty to leave everything, and the trace, as they are. */
  Optional<Change> change(StepContext context);

  @Override
  default Decision decide(StepContext context) {
    Optional<Change> change = change(context);
    return change.isPresent() ? new Decision.Act(change.get()) : new Decision.Nothing();
  }
}
