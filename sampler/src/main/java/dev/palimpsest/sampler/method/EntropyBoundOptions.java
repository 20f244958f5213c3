package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The options of DiffusionGemma's sampler, with the names of its generation configuration.
 *
 * @param genLength positions to fill, rounded up so that the last canvas is whole
 * @param canvasLength positions of a canvas; the model's
 * @param vocabulary ids that random ones are drawn from; the model's
 * @param maxDenoisingSteps most steps of a canvas
 * @param entropyBound nats that a step's accepted positions may have in sum, but for the least sure
 *     of them
 * @param tMin temperature that the last step would have after one more
 * @param tMax temperature of the first step
 * @param stabilityThreshold steps in a row that have to leave every most probable id as it was
 *     before a canvas may end early; with 0 none has to
 * @param confidenceThreshold nats below which the mean entropy of the canvas lets it end early
 * @param selfConditioning what a step is told of the one before
 * @param alternatives how many ids of a position {@link SelfConditioning#TOP_K} tells; empty
 *     without it
 * @param seed of all randomness
 */
public record EntropyBoundOptions(
    int genLength,
    int canvasLength,
    int vocabulary,
    int maxDenoisingSteps,
    double entropyBound,
    double tMin,
    double tMax,
    int stabilityThreshold,
    double confidenceThreshold,
    SelfConditioning selfConditioning,
    OptionalInt alternatives,
    long seed)
    implements SamplingOptions {
  private static final int ALTERNATIVES = 8;
  private static final int MOST_ALTERNATIVES = 1000;

  /** Checks what can be checked without a model. */
  public EntropyBoundOptions {
    Require.positive("gen_length", genLength);
    Require.positive("canvas_length", canvasLength);
    Require.positive("vocabulary", vocabulary);
    Require.positive("max_denoising_steps", maxDenoisingSteps);
    Require.zeroOrAbove("entropy_bound", entropyBound);
    Require.zeroOrAbove("t_min", tMin);
    if (!(tMax > tMin && Double.isFinite(tMax))) {
      throw new InvalidOptionException(
          "t_max", tMax, "is no temperature to begin with: use one above {t_min} " + tMin);
    }
    Require.zeroOrAbove("stability_threshold", stabilityThreshold);
    Require.zeroOrAbove("confidence_threshold", confidenceThreshold);
    boolean tells = selfConditioning == SelfConditioning.TOP_K;
    if (alternatives.isPresent() && !tells) {
      throw new InvalidOptionException(
          "self_conditioning_k",
          alternatives.getAsInt(),
          "is of {self_conditioning} top_k, and it is " + Choice.name(selfConditioning));
    }
    int count = tells ? alternatives.orElseThrow() : 1;
    if (count < 1 || count > MOST_ALTERNATIVES) {
      throw new InvalidOptionException(
          "self_conditioning_k", count, "is invalid: use 1 to " + MOST_ALTERNATIVES);
    }
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static EntropyBoundOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    SelfConditioning selfConditioning =
        Choice.parse(
            "self_conditioning",
            given.word("self_conditioning", "soft").replace('-', '_'),
            List.of(SelfConditioning.values()));
    OptionalInt alternatives = given.optionalInteger("self_conditioning_k");
    if (selfConditioning == SelfConditioning.TOP_K && alternatives.isEmpty()) {
      alternatives = OptionalInt.of(ALTERNATIVES);
    }
    EntropyBoundOptions options =
        new EntropyBoundOptions(
            given.integer("gen_length", 256),
            given.integer("canvas_length", 256),
            given.integer("vocabulary", 262144),
            given.integer("max_denoising_steps", 48),
            given.number("entropy_bound", 0.1),
            given.number("t_min", 0.4),
            given.number("t_max", 0.8),
            given.integer("stability_threshold", 1),
            given.number("confidence_threshold", 0.005),
            selfConditioning,
            alternatives,
            given.wholeNumber("seed", 0));
    given.requireAllKnown(EntropyBoundSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return EntropyBoundSampler.NAME;
  }

  @Override
  public int positions(int promptLength) {
    return Math.multiplyExact(Math.ceilDiv(genLength, canvasLength), canvasLength);
  }

  @Override
  public boolean isStrict() {
    return selfConditioning.isStrict();
  }

  @Override
  public OptionalInt alternativesHandedOn() {
    return alternatives;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("gen_length", genLength);
    map.put("canvas_length", canvasLength);
    map.put("vocabulary", vocabulary);
    map.put("max_denoising_steps", maxDenoisingSteps);
    map.put("entropy_bound", entropyBound);
    map.put("t_min", tMin);
    map.put("t_max", tMax);
    map.put("stability_threshold", stabilityThreshold);
    map.put("confidence_threshold", confidenceThreshold);
    map.put("self_conditioning", Choice.name(selfConditioning));
    alternatives.ifPresent(count -> map.put("self_conditioning_k", count));
    map.put("seed", seed);
    return map;
  }

  @Override
  public EntropyBoundSampler sampler(SpecialTokens specials) {
    return new EntropyBoundSampler(this, specials);
  }
}
