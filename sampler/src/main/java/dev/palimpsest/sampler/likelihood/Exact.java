package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.step.AttentionPattern;

/**
 * The model's own factorisation. A causal model has one: Σ log p(xᵢ | x before i), in one forward.
 * A block-diffusion model has one over its blocks ({@code block_chain}): each is seen with those
 * before it and none behind; within a block it says nothing of the order, and {@link Chain}'s is
 * taken. A model whose attention goes both ways has none.
 */
public record Exact() implements Estimator {
  /** What it is called. */
  public static final String NAME = "exact";

  private static final String BLOCK_CHAIN = "block_chain";

  @Override
  public String name(AttentionPattern pattern) {
    return switch (pattern) {
      case AttentionPattern.BlockCausal _,
          AttentionPattern.BlocksFromEnd _,
          AttentionPattern.CausalContext _ ->
          BLOCK_CHAIN;
      default -> NAME;
    };
  }

  @Override
  public void requireFit(ModelLimits limits) {
    if (limits.pattern() instanceof AttentionPattern.Canvas) {
      throw new InvalidOptionException(
          "method",
          NAME,
          "is not defined for a model that fills canvases of random ids: no likelihood is");
    }
    if (limits.pattern() instanceof AttentionPattern.Full
        || limits.pattern() instanceof AttentionPattern.KnownFirst) {
      throw new InvalidOptionException(
          "method",
          NAME,
          "is not defined for a model that fills masks in any order: use chain for the order from"
              + " left to right, or elbo_mc, elbo_exact or coupled for a bound");
    }
  }
}
