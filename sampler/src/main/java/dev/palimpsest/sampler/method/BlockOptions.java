package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.step.SamplingFilter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The options of block diffusion, with the names of SDAR's {@code generate.py} and of LLaDA2's
 * {@code generate}.
 *
 * @param genLength positions to fill, rounded up so that the last block is whole
 * @param blockLength positions of a block
 * @param afterPrompt whether blocks are counted from the end of the prompt, as dllm's BD3LM does;
 *     else they begin at multiples of their length, prompt included
 * @param steps forwards of a block that its positions are spread over
 * @param remasking which positions of the block a step commits: SDAR's {@code remasking_strategy}
 * @param threshold the confidence above which {@code low_confidence_dynamic} commits
 * @param lowThreshold with {@code low_confidence_dynamic}, dInfer's hierarchical decoding ({@link
 *     SelectionRule.Hierarchy}), in which a block takes as many steps as it needs; from 0 to below
 *     the threshold
 * @param entropyBound sum of entropies, in nats, that {@code entropy_bounded} spends a step; SDAR's
 *     {@code eb_threshold}
 * @param editingThreshold the confidence above which another token replaces a committed one, as in
 *     LLaDA2.1; absent, nothing is replaced
 * @param maxPostSteps most forwards over a block that is full, to replace tokens in it
 * @param eosEarlyStop whether a stop id ends the text as soon as nothing before it is masked,
 *     instead of at the end of its block
 * @param wholeCanvas whether the model sees the masks of later blocks: so for models with full
 *     attention that were trained on whole canvases; others never look there
 * @param draw how a token is drawn
 * @param seed of all randomness
 */
public record BlockOptions(
    int genLength,
    int blockLength,
    boolean afterPrompt,
    int steps,
    Remasking remasking,
    double threshold,
    OptionalDouble lowThreshold,
    double entropyBound,
    OptionalDouble editingThreshold,
    int maxPostSteps,
    boolean eosEarlyStop,
    boolean wholeCanvas,
    TokenDraw draw,
    long seed)
    implements SamplingOptions {

  /** Checks what can be checked without a model. */
  public BlockOptions {
    Require.positive("gen_length", genLength);
    Require.positive("block_length", blockLength);
    Require.positive("steps", steps);
    remasking.requireOneOf(Remasking.OF_BLOCKS);
    Require.zeroOrAbove("threshold", threshold);
    lowThreshold.ifPresent(value -> Require.lowThreshold(value, OptionalDouble.of(threshold)));
    if (lowThreshold.isPresent() && remasking != Remasking.LOW_CONFIDENCE_DYNAMIC) {
      throw new InvalidOptionException(
          "remasking",
          remasking.optionName(),
          "has no threshold, which {low_threshold} goes with: use low_confidence_dynamic");
    }
    Require.zeroOrAbove("eb_threshold", entropyBound);
    editingThreshold.ifPresent(value -> Require.zeroOrAbove("editing_threshold", value));
    Require.positive("max_post_steps", maxPostSteps);
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static BlockOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    int blockLength = given.integer("block_length", 4);
    BlockOptions options =
        new BlockOptions(
            given.integer("gen_length", 128),
            blockLength,
            given.flag("after_prompt", false),
            given.integer("steps", blockLength),
            given.remasking(Remasking.LOW_CONFIDENCE_DYNAMIC, Remasking.OF_BLOCKS),
            given.number("threshold", 0.85),
            given.optionalNumber("low_threshold"),
            given.number("eb_threshold", 0.35),
            given.optionalNumber("editing_threshold"),
            given.integer("max_post_steps", 16),
            given.flag("eos_early_stop", false),
            given.flag("whole_canvas", false),
            TokenDraw.of(given, 0, SamplingFilter.Order.TOP_K_FIRST),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(BlockSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return BlockSampler.NAME;
  }

  @Override
  public int positions(int promptLength) {
    return SamplingOptions.inWholeBlocks(afterPrompt ? 0 : promptLength, genLength, blockLength);
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("gen_length", genLength);
    map.put("block_length", blockLength);
    if (afterPrompt) {
      map.put("after_prompt", true);
    }
    map.put("steps", steps);
    map.put("remasking", remasking.optionName());
    map.put("threshold", threshold);
    lowThreshold.ifPresent(value -> map.put("low_threshold", value));
    map.put("eb_threshold", entropyBound);
    editingThreshold.ifPresent(value -> map.put("editing_threshold", value));
    map.put("max_post_steps", maxPostSteps);
    map.put("eos_early_stop", eosEarlyStop);
    map.put("whole_canvas", wholeCanvas);
    draw.putInto(map);
    map.put("seed", seed);
    return map;
  }

  @Override
  public BlockSampler sampler(SpecialTokens specials) {
    return new BlockSampler(this, specials);
  }
}
