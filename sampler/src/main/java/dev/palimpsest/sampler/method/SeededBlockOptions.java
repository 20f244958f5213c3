package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The options of block diffusion behind a causal context, with the names of
 * Nemotron-Labs-Diffusion's {@code generate} where they have one.
 *
 * @param genLength positions to fill, rounded up so that the last block is whole
 * @param blockLength positions of a block; the first begins behind the prompt
 * @param threshold the confidence from which on a step commits, and the best position always;
 *     absent, a step commits one position
 * @param temperature 0 draws the argmax
 * @param seed of all randomness
 */
public record SeededBlockOptions(
    int genLength, int blockLength, OptionalDouble threshold, double temperature, long seed)
    implements SamplingOptions {
  private static final int BLOCK = 32;

  /** Checks what can be checked without a model. */
  public SeededBlockOptions {
    Require.positive("gen_length", genLength);
    Require.positive("block_length", blockLength);
    threshold.ifPresent(value -> Require.zeroOrAbove("threshold", value));
    Require.zeroOrAbove("temperature", temperature);
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static SeededBlockOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    SeededBlockOptions options =
        new SeededBlockOptions(
            given.integer("gen_length", 128),
            given.integer("block_length", BLOCK),
            given.optionalNumber("threshold"),
            given.number("temperature", 0),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(SeededBlockSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return SeededBlockSampler.NAME;
  }

  @Override
  public int positions(int promptLength) {
    return SamplingOptions.inWholeBlocks(0, genLength, blockLength);
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("gen_length", genLength);
    map.put("block_length", blockLength);
    threshold.ifPresent(value -> map.put("threshold", value));
    map.put("temperature", temperature);
    map.put("seed", seed);
    return map;
  }

  @Override
  public SeededBlockSampler sampler(SpecialTokens specials) {
    return new SeededBlockSampler(this, specials);
  }
}
