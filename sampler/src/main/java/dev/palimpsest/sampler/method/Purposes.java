package dev.palimpsest.sampler.method;

import dev.palimpsest.step.Philox;

/** What samplers draw random numbers for; each has index 0 and lane 0. */
final class Purposes {
  /** LLaDA's {@code remasking=random}: a score per position. */
  static final Philox.Purpose REMASKING = new Philox.Purpose(1);

  /** Whether a masked position is filled at a step: Dream's origin, ReMDM. */
  static final Philox.Purpose UNMASKING = new Philox.Purpose(2);

  /** Whether a filled position is masked again at a step: ReMDM. */
  static final Philox.Purpose MASKING_AGAIN = new Philox.Purpose(3);

  /** Gumbel noise of a position's rank: Dream's {@code alg_temp}. */
  static final Philox.Purpose RANKING = new Philox.Purpose(4);

  /** A random id at a position that a step does not accept. */
  static final Philox.Purpose NOISE = new Philox.Purpose(10);

  /** A random id that a canvas begins with. */
  static final Philox.Purpose FIRST_NOISE = new Philox.Purpose(11);

  private Purposes() {}
}
