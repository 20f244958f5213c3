package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The options of introspective strided decoding, with the names of I-DLM's {@code IDLMBlockN} where
 * they have one.
 *
 * @param genLength most positions to fill
 * @param genBlockSize tokens that a step may add: one that stands for good, and drafts
 * @param temperature 0 draws the argmax
 * @param seed of all randomness
 */
public record IsdOptions(int genLength, int genBlockSize, double temperature, long seed)
    implements SamplingOptions {
  private static final int BLOCK = 4;

  /** Checks what can be checked without a model. */
  public IsdOptions {
    Require.positive("gen_length", genLength);
    Require.positive("gen_block_size", genBlockSize);
    Require.zeroOrAbove("temperature", temperature);
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static IsdOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    IsdOptions options =
        new IsdOptions(
            given.integer("gen_length", 128),
            given.integer("gen_block_size", BLOCK),
            given.number("temperature", 0),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(IsdSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return IsdSampler.NAME;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("gen_length", genLength);
    map.put("gen_block_size", genBlockSize);
    map.put("temperature", temperature);
    map.put("seed", seed);
    return map;
  }

  @Override
  public IsdSampler sampler(SpecialTokens specials) {
    return new IsdSampler(this, specials);
  }
}
