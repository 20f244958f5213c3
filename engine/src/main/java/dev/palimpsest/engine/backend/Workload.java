package dev.palimpsest.engine.backend;

/**
 * What has to fit into a device's memory beside a model's weights.
 *
 * @param tokens of the largest step, all asked for
 * @param activations elements that this step takes
 * @param kvCache elements of the KV cache
 */
public record Workload(int tokens, long activations, long kvCache) {
  /** Weights alone. */
  public static final Workload NONE = new Workload(0, 0, 0);
}
