package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.step.SamplingFilter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The options of block diffusion by sub-blocks, with the names of Fast-dLLM v2's {@code generate}
 * where they have one.
 *
 * @param genLength positions to fill, rounded up so that the last block is whole
 * @param blockLength positions of a block; blocks begin at its multiples, prompt included
 * @param subBlockLength positions of a sub-block, a divisor of the block's; the reference's {@code
 *     small_block_size}
 * @param threshold the confidence above which a step commits
 * @param draw how a token is drawn; at temperature 0 it is the argmax of everything
 * @param seed of all randomness
 */
public record SubBlockOptions(
    int genLength, int blockLength, int subBlockLength, double threshold, TokenDraw draw, long seed)
    implements SamplingOptions {
  private static final int BLOCK = 32;
  private static final int SUB_BLOCK = 8;
  private static final double TOP_P = 0.95;

  /** Checks what can be checked without a model. */
  public SubBlockOptions {
    Require.positive("gen_length", genLength);
    Require.positive("block_length", blockLength);
    Require.positive("sub_block_length", subBlockLength);
    Require.zeroOrAbove("threshold", threshold);
    if (blockLength % subBlockLength != 0) {
      throw new InvalidOptionException(
          "sub_block_length",
          subBlockLength,
          "is no divisor of {block_length} " + blockLength + ": use one");
    }
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static SubBlockOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    int blockLength = given.integer("block_length", BLOCK);
    SubBlockOptions options =
        new SubBlockOptions(
            given.integer("gen_length", 128),
            blockLength,
            given.integer(
                "sub_block_length", blockLength % SUB_BLOCK == 0 ? SUB_BLOCK : blockLength),
            given.number("threshold", 0.9),
            TokenDraw.of(given, 0, TOP_P, SamplingFilter.Order.NUCLEUS_FIRST),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(SubBlockSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return SubBlockSampler.NAME;
  }

  @Override
  public int positions(int promptLength) {
    return SamplingOptions.inWholeBlocks(promptLength, genLength, blockLength);
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("gen_length", genLength);
    map.put("block_length", blockLength);
    map.put("sub_block_length", subBlockLength);
    map.put("threshold", threshold);
    draw.putInto(map);
    map.put("seed", seed);
    return map;
  }

  @Override
  public SubBlockSampler sampler(SpecialTokens specials) {
    return new SubBlockSampler(this, specials);
  }
}
