package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.sampler.method.InvalidOptionException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The expectation of {@link MonteCarloBound} itself, by enumeration: the sum over all sets S of
 * masked tokens but the empty one of 1/L · 1/C(L, |S|) · L/|S| · Σ log p(xᵢ | the rest), i in S. It
 * takes 2^L - 1 forwards, so only short completions are accepted.
 */
public record ExactBound() implements MaskEstimator {
  /** What it is called. */
  public static final String NAME = "elbo_exact";

  /** The most tokens of a completion, or of what lies of it in one block. */
  public static final int LONGEST = 12;

  @Override
  public String name() {
    return NAME;
  }

  Plan plan(int length) {
    if (length > LONGEST) {
      throw new InvalidOptionException(
          "method",
          NAME,
          "masks %d tokens in each of 2^%1$d - 1 ways: give it a completion of up to %d tokens, or use %s"
              .formatted(length, LONGEST, MonteCarloBound.NAME));
    }
    double[] weights = new double[length + 1];
    double sets = 1;
    for (int size = 1; size <= length; size++) {
      sets = sets * (length - size + 1) / size;
      weights[size] = 1 / (sets * size);
    }
    List<Plan.Term> terms = new ArrayList<>();
    for (int set = 1; set < (1 << length) - 1; set++) {
      int bits = set;
      int[] masked =
          IntStream.range(0, length).filter(position -> (bits >> position & 1) == 1).toArray();
      terms.add(new Plan.Term(Look.at(masked), weights[masked.length]));
    }
    double[] full = new double[length];
    Arrays.fill(full, weights[length]);
    return new Plan(full, List.of(terms), false);
  }
}
