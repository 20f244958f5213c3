package dev.palimpsest.lab.plan;

import dev.palimpsest.sampler.intervention.Paraphraser;

/**
 * Says equations as a reader understands them: terms exchanged, and with the result that they have,
 * {@code 24+13=39} to {@code 13+24=37}.
 */
public record EquationReader() implements Paraphraser {
  @Override
  public String name() {
    return "read";
  }

  @Override
  public String paraphrase(String text) {
    return Equations.read(text);
  }
}
