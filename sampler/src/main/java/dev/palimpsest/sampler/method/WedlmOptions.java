package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The options of streaming parallel decoding, with the names of WeDLM's {@code SamplingParams}
 * without their {@code wedlm_}.
 *
 * @param genLength most positions to fill
 * @param windowSize positions from the first masked one on that a step may fill
 * @param entropyThreshold in nats: every position whose adjusted entropy is below is filled, and
 *     the lowest always; absent, the lowest alone
 * @param posPenaltyFactor in nats: what a position's entropy grows by for each position that it is
 *     behind the first masked one
 * @param temperature 0 draws the argmax
 * @param seed of all randomness
 */
public record WedlmOptions(
    int genLength,
    int windowSize,
    OptionalDouble entropyThreshold,
    double posPenaltyFactor,
    double temperature,
    long seed)
    implements SamplingOptions {
  private static final int WINDOW = 16;
  private static final double PENALTY = 0.02;

  /** {@code entropy_threshold} that is none: one position a step. */
  private static final double NO_THRESHOLD = 0;

  private static final double THRESHOLD = 0.4;

  /** Checks what can be checked without a model. */
  public WedlmOptions {
    Require.positive("gen_length", genLength);
    Require.positive("window_size", windowSize);
    entropyThreshold.ifPresent(value -> Require.zeroOrAbove("entropy_threshold", value));
    Require.zeroOrAbove("pos_penalty_factor", posPenaltyFactor);
    Require.zeroOrAbove("temperature", temperature);
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static WedlmOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    double threshold = given.number("entropy_threshold", THRESHOLD);
    WedlmOptions options =
        new WedlmOptions(
            given.integer("gen_length", 128),
            given.integer("window_size", WINDOW),
            threshold == NO_THRESHOLD ? OptionalDouble.empty() : OptionalDouble.of(threshold),
            given.number("pos_penalty_factor", PENALTY),
            given.number("temperature", 0),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(WedlmSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return WedlmSampler.NAME;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("gen_length", genLength);
    map.put("window_size", windowSize);
    map.put("entropy_threshold", entropyThreshold.orElse(NO_THRESHOLD));
    map.put("pos_penalty_factor", posPenaltyFactor);
    map.put("temperature", temperature);
    map.put("seed", seed);
    return map;
  }

  @Override
  public WedlmSampler sampler(SpecialTokens specials) {
    return new WedlmSampler(this, specials);
  }
}
