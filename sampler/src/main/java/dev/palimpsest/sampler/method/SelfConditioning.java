package dev.palimpsest.sampler.method;

/** What a canvas is told of the step before, beside the ids that stand on it. */
public enum SelfConditioning {
  /** Nothing: the ids on the canvas alone pass between steps. */
  OFF,
  /** The most probable id of every position: tokens alone pass between steps. */
  TOP_1,
  /**
   * The embeddings of the few most probable ids of every position, weighed by their probabilities
   * divided by their sum: tokens and numbers, so what no token says passes between steps.
   */
  TOP_K,
  /**
   * The embeddings of all ids, weighed by their probabilities, as published: what no token says
   * passes between steps, and no guarantee is claimed of them.
   */
  SOFT;

  /** Whether tokens alone pass between steps. */
  public boolean isStrict() {
    return this == OFF || this == TOP_1;
  }
}
