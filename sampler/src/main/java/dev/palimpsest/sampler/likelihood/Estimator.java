package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.step.AttentionPattern;

/** How the likelihood of a text is computed. */
public sealed interface Estimator permits Exact, MaskEstimator {

  /** What it is called, where a model's queries see so much. */
  String name(AttentionPattern pattern);

  /**
   * Checks that it is defined for a model.
   *
   * @throws InvalidOptionException if it is not, in a sentence that says what is
   */
  void requireFit(ModelLimits limits);
}
