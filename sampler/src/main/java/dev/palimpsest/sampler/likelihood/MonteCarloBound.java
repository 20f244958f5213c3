package dev.palimpsest.sampler.likelihood;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;

/**
 * LLaDA's bound on the log-likelihood, estimated as its {@code get_log_likelihood} does (<a
 * href="https://arxiv.org/abs/2502.09992">arXiv 2502.09992</a>, algorithm 3): of L tokens l are
 * masked, l uniform in 1 … L and then the set uniform among those of its size, and a sample is L/l
 * · Σ log p(xᵢ | the rest) over the masked ones. The value is the mean of the samples. Samples are
 * independent; the published code spreads the l of a batch evenly instead, with the same
 * expectation.
 *
 * @param samples 1 or more
 */
public record MonteCarloBound(int samples, long seed) implements MaskEstimator {
  /** What it is called. */
  public static final String NAME = "elbo_mc";

  /** As many as LLaDA's evaluation takes. */
  public static final int DEFAULT_SAMPLES = 128;

  @Override
  public String name() {
    return NAME;
  }

  Plan plan(Part part) {
    return plan(part.length(), sample -> MaskDraws.source(seed, part, sample));
  }

  /**
   * The same with numbers from elsewhere.
   *
   * @param sources of a sample's numbers
   */
  Plan plan(int length, IntFunction<IntUnaryOperator> sources) {
    List<List<Plan.Term>> drawn = new ArrayList<>();
    for (int sample = 0; sample < samples; sample++) {
      int[] masked = MaskDraws.draw(length, length, sources.apply(sample));
      drawn.add(List.of(new Plan.Term(Look.at(masked), (double) length / masked.length)));
    }
    return new Plan(new double[length], drawn, true);
  }
}
