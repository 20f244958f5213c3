package dev.palimpsest.lab.plan;

import dev.palimpsest.sampler.intervention.Paraphraser;

/** Exchanges the terms of sums and products: {@code 24+13=37} to {@code 13+24=37}. */
public record EquationRewriter() implements Paraphraser {
  @Override
  public String name() {
    return "equations";
  }

  @Override
  public String paraphrase(String text) {
    return Equations.exchanged(text);
  }
}
