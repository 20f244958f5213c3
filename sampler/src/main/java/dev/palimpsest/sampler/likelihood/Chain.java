package dev.palimpsest.sampler.likelihood;

import java.util.ArrayList;
import java.util.List;

/**
 * From left to right: Σ log p(xᵢ | prompt, x₁ … xᵢ₋₁, masks from i on), one forward a token. It is
 * the exact log-probability of drawing the completion in this order, one token a step at
 * temperature 1.
 */
public record Chain() implements MaskEstimator {
  /** What it is called. */
  public static final String NAME = "chain";

  @Override
  public String name() {
    return NAME;
  }

  Plan plan(int length) {
    double[] full = new double[length];
    full[0] = 1;
    List<Plan.Term> terms = new ArrayList<>();
    for (int token = 1; token < length; token++) {
      terms.add(new Plan.Term(Look.from(token, length), 1));
    }
    return new Plan(full, List.of(terms), false);
  }
}
