package dev.palimpsest.sampler;

import dev.palimpsest.engine.Denoiser;

/** {@link HashModel} for the tests of other packages. */
public final class HashModels {
  private HashModels() {}

  /** A model with continuous logits in [0, 8]. */
  public static Denoiser of(int vocabulary, long seed) {
    return new HashModel(vocabulary, seed, 8, 0, -1);
  }
}
