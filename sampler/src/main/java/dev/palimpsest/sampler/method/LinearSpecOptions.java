package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The options of self-speculation, with the names of Nemotron-Labs-Diffusion's {@code
 * linear_spec_generate} where they have one.
 *
 * @param genLength most positions to fill
 * @param blockLength positions of a block that is drafted and then checked, its first token, which
 *     is known, included
 * @param threshold the confidence from which on a step of the draft commits, and the best position
 *     always; 0 drafts a block in one step
 * @param temperature 0 draws the argmax
 * @param seed of all randomness
 */
public record LinearSpecOptions(
    int genLength, int blockLength, double threshold, double temperature, long seed)
    implements SamplingOptions {
  private static final int BLOCK = 32;

  /** Checks what can be checked without a model. */
  public LinearSpecOptions {
    Require.positive("gen_length", genLength);
    Require.positive("block_length", blockLength);
    Require.zeroOrAbove("threshold", threshold);
    Require.zeroOrAbove("temperature", temperature);
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static LinearSpecOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    LinearSpecOptions options =
        new LinearSpecOptions(
            given.integer("gen_length", 128),
            given.integer("block_length", BLOCK),
            given.number("threshold", 0),
            given.number("temperature", 0),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(LinearSpecSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return LinearSpecSampler.NAME;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("gen_length", genLength);
    map.put("block_length", blockLength);
    map.put("threshold", threshold);
    map.put("temperature", temperature);
    map.put("seed", seed);
    return map;
  }

  @Override
  public LinearSpecSampler sampler(SpecialTokens specials) {
    return new LinearSpecSampler(this, specials);
  }
}
