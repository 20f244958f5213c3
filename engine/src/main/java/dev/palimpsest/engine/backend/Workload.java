package dev.palimpsest.engine.backend;

/**
 * What has to fit into a device's memory beside a model's weights.
 *
 * @param tokens of the largest step, all asked for
 * @param activations elements that this step takes
 * @param kept elements of keys and values that outlive a step
 */
public record Workload(int tokens, long activations, long kept) {
  /** Weights alone. */
  public static final Workload NONE = new Workload(0, 0, 0);
}
