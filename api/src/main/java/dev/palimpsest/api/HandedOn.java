package dev.palimpsest.api;

import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.method.EntropyBoundOptions;
import dev.palimpsest.sampler.method.SamplingOptions;

/**
 * What passes from one step to the next beside what stands on the canvas.
 *
 * @param isTokens whether it is tokens, or nothing
 * @param bits that it has for a position, with 32 for a number: a bound on what can pass
 */
public record HandedOn(boolean isTokens, double bits) {
  private static final HandedOn NOTHING = new HandedOn(true, 0);

  /** Of a model and its sampler. */
  public static HandedOn of(ModelSpec spec, SamplingOptions options) {
    double token = Math.log(spec.vocabulary()) / Math.log(2);
    if (!(options instanceof EntropyBoundOptions bound)) {
      return NOTHING;
    }
    return switch (bound.selfConditioning()) {
      case OFF -> NOTHING;
      case TOP_1 -> new HandedOn(true, token);
      case TOP_K -> new HandedOn(false, bound.alternatives().orElseThrow() * (token + Float.SIZE));
      case SOFT -> new HandedOn(false, (double) Float.SIZE * spec.hidden());
    };
  }
}
