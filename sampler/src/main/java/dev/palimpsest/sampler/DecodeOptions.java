package dev.palimpsest.sampler;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The options of autoregressive decoding.
 *
 * @param genLength most tokens to write; decoding ends earlier at a stop id
 * @param draw how a token is drawn
 * @param seed of all randomness
 */
public record DecodeOptions(int genLength, TokenDraw draw, long seed) implements SamplingOptions {

  /** Checks what can be checked without a model. */
  public DecodeOptions {
    Require.positive("--gen-length", genLength);
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static DecodeOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    DecodeOptions options =
        new DecodeOptions(
            given.integer("gen_length", 128), TokenDraw.of(given, 0), given.wholeNumber("seed", 0));
    given.requireAllKnown(DecodeSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return DecodeSampler.NAME;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("gen_length", genLength);
    draw.putInto(map);
    map.put("seed", seed);
    return map;
  }

  @Override
  public DecodeSampler sampler(SpecialTokens specials) {
    return new DecodeSampler(this, specials);
  }
}
