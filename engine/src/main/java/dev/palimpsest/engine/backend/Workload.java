package dev.palimpsest.engine.backend;

/**
 * What has to fit into a device's memory beside a model's weights.
 *
 * @param tokens of the largest step, all asked for
 * @param activations elements that this step takes
 * @param kvCache elements of the KV cache
 * @param softRows rows of probabilities that a soft step holds at a time; 0 if a model has none
 */
public record Workload(int tokens, long activations, long kvCache, int softRows) {
  /** Weights alone. */
  public static final Workload NONE = new Workload(0, 0, 0, 0);
}
