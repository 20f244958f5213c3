package dev.palimpsest.engine.model;

/**
 * How a model with canvases is to be sampled from, as its {@code generation_config.json} says, with
 * the defaults of the published code for what it leaves out.
 *
 * @param steps {@code max_denoising_steps} of a canvas
 * @param lowestTemperature {@code t_min}, of the last step
 * @param highestTemperature {@code t_max}, of the first step
 * @param entropyBound {@code sampler_config.entropy_bound}, in nats: how much entropy the accepted
 *     positions of a step have together at most, but for one
 * @param stabilityThreshold {@code stability_threshold}: steps in which the most probable ids have
 *     to stay the same before a canvas is finished
 * @param confidenceThreshold {@code confidence_threshold}, in nats: below it, the mean entropy lets
 *     a canvas be finished
 */
public record Denoising(
    int steps,
    double lowestTemperature,
    double highestTemperature,
    double entropyBound,
    int stabilityThreshold,
    double confidenceThreshold) {
  /** The defaults of the published code. */
  public static final Denoising PUBLISHED = new Denoising(48, 0.4, 0.8, 0.1, 1, 0.005);
}
