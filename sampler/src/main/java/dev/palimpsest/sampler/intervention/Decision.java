package dev.palimpsest.sampler.intervention;

import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.List;
import java.util.function.Function;

/** What an intervention decides between two steps. */
public sealed interface Decision {
  /** Everything, and the trace, stays as it is. */
  record Nothing() implements Decision {}

  /** The canvas is changed, or something is said of it. */
  record Act(Change change) implements Decision {}

  /**
   * The model is asked first, in a forward that other runs may share.
   *
   * @param query at least one row
   * @param then what is decided once it is answered, one prediction per row
   */
  record Ask(Query query, Function<List<Prediction>, Decision> then) implements Decision {}
}
