package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.step.AttentionPattern;

/**
 * One that masks tokens of the completion and asks for them: for models that fill masks. In a
 * block-diffusion model it takes block after block, each given those before it, and adds up.
 */
public sealed interface MaskEstimator extends Estimator
    permits Chain, CoupledMasks, ExactBound, MonteCarloBound {

  /** What it is called. */
  String name();

  @Override
  default String name(AttentionPattern pattern) {
    return name();
  }

  @Override
  default void requireFit(ModelLimits limits) {
    if (limits.pattern() instanceof AttentionPattern.Canvas) {
      throw new InvalidOptionException(
          "method",
          name(),
          "is not defined for a model that fills canvases of random ids: no likelihood is");
    }
    if (limits.pattern() instanceof AttentionPattern.Causal) {
      throw new InvalidOptionException(
          "method",
          name(),
          "masks tokens, and the model writes from left to right without masks: use " + Exact.NAME);
    }
  }
}
