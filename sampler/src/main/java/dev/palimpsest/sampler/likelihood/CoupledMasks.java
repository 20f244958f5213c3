package dev.palimpsest.sampler.likelihood;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;

/**
 * LLaDA's bound from pairs of masks that complete each other, so that every sample asks for every
 * token once: the coupled sampling of DiffuCoder (<a href="https://arxiv.org/abs/2506.20639">arXiv
 * 2506.20639</a>, section 4.2), with weights that keep {@link ExactBound}'s value as the
 * expectation. With f(S) = Σ log p(xᵢ | the rest), i in S:
 *
 * <pre>{@code f(all) / L + (L - 1) / 2 · mean over pairs of (f(S) / |S| + f(rest) / (L - |S|))}
 * </pre>
 *
 * where |S| is uniform in 1 … L - 1 and S uniform among the sets of its size; the rest then is so
 * too. The bound is the sum over l = 1 … L of the mean of f(S)/l over the sets of size l; its last
 * member needs no draw. (DiffuCoder itself gives each of a token's λ + 1 log-probabilities the
 * weight 1/(λ + 1).)
 *
 * @param samples pairs, 1 or more
 */
public record CoupledMasks(int samples, long seed) implements MaskEstimator {
  /** What it is called. */
  public static final String NAME = "coupled";

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
    double[] full = new double[length];
    Arrays.fill(full, 1.0 / length);
    if (length == 1) {
      return new Plan(full, List.of(List.of(), List.of()), true); // nothing is left to draw
    }
    List<List<Plan.Term>> drawn = new ArrayList<>();
    for (int sample = 0; sample < samples; sample++) {
      Look some = Look.at(MaskDraws.draw(length, length - 1, sources.apply(sample)));
      Look others = some.complement(length);
      drawn.add(List.of(term(some, length), term(others, length)));
    }
    return new Plan(full, drawn, true);
  }

  private static Plan.Term term(Look look, int length) {
    return new Plan.Term(look, (length - 1) / (2.0 * look.masked().length));
  }
}
