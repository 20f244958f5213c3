package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The options of LLaDA's {@code generate} (ML-GSAI/LLaDA, {@code generate.py}) with its names and
 * defaults, Fast-dLLM's {@code threshold} and {@code factor} (arXiv 2505.22618), and dInfer's
 * {@code low_threshold} (arXiv 2510.08666).
 *
 * <p>With any of the three a block takes as many steps as it needs; {@code steps} is then not used,
 * and need not fit the blocks.
 *
 * @param steps forwards of the whole generation, a multiple of the number of blocks
 * @param genLength positions to fill, a multiple of {@code blockLength}
 * @param blockLength positions of a block; blocks are filled from left to right. Larger than {@code
 *     genLength} is refused, as by {@code generate}; the reference's {@code app.py} clamps it
 * @param temperature of the Gumbel noise; 0 draws the argmax
 * @param cfgScale strength of classifier-free guidance; 0 is off
 * @param remasking what ranks positions; thresholds and a factor compare probabilities and need
 *     {@link Remasking#LOW_CONFIDENCE}
 * @param threshold commits every position at least this confident, in (0, 1]; above it, with a low
 *     threshold
 * @param lowThreshold commits the most confident position of every run of masks too, if it is above
 *     this: see {@link SelectionRule.Hierarchy}; from 0 to below the threshold
 * @param factor Fast-dLLM's factor, above 0; excludes thresholds
 * @param logitsEosInf never writes the end-of-text id, and leaves it out of the softmax
 * @param confidenceEosEotInf commits end-of-text and end-of-turn ids last in their block
 * @param seed of all randomness
 */
public record LladaOptions(
    int steps,
    int genLength,
    int blockLength,
    double temperature,
    double cfgScale,
    Remasking remasking,
    OptionalDouble threshold,
    OptionalDouble lowThreshold,
    OptionalDouble factor,
    boolean logitsEosInf,
    boolean confidenceEosEotInf,
    long seed)
    implements SamplingOptions {

  /** LLaDA's defaults. */
  public static final LladaOptions DEFAULTS = builder().build();

  /**
   * Checks what can be checked without a model.
   *
   * @throws InvalidOptionException naming the first option that is wrong
   */
  public LladaOptions {
    Require.positive("gen_length", genLength);
    Require.positive("block_length", blockLength);
    Require.positive("steps", steps);
    Require.zeroOrAbove("temperature", temperature);
    Require.zeroOrAbove("cfg_scale", cfgScale);
    remasking.requireOneOf(Remasking.OF_LLADA);
    if (blockLength > genLength) {
      throw new InvalidOptionException(
          "block_length",
          blockLength,
          "is larger than {gen_length} " + genLength + ": use " + genLength + " or a divisor");
    }
    if (genLength % blockLength != 0) {
      throw new InvalidOptionException(
          "gen_length",
          genLength,
          "is not a multiple of {block_length} "
              + blockLength
              + ": use "
              + multiplesAround(genLength, blockLength));
    }
    threshold.ifPresent(value -> Require.probability("threshold", value));
    lowThreshold.ifPresent(value -> Require.lowThreshold(value, threshold));
    if (factor.isPresent()
        && !(factor.getAsDouble() > 0 && Double.isFinite(factor.getAsDouble()))) {
      throw new InvalidOptionException(
          "factor", factor.getAsDouble(), "is invalid: use a number above 0");
    }
    OptionalDouble bound = threshold.isPresent() ? threshold : lowThreshold;
    String boundName = threshold.isPresent() ? "{threshold}" : "{low_threshold}";
    if (factor.isPresent() && bound.isPresent()) {
      throw new InvalidOptionException(
          "factor",
          factor.getAsDouble(),
          "excludes " + boundName + " " + bound.getAsDouble() + ": use one of the two");
    }
    boolean adaptive = factor.isPresent() || bound.isPresent();
    if (remasking != Remasking.LOW_CONFIDENCE && adaptive) {
      throw new InvalidOptionException(
          "remasking",
          remasking.optionName(),
          "does not rank by the probability that "
              + (bound.isPresent() ? boundName : "{factor}")
              + " compares: use low_confidence");
    }
    int blocks = genLength / blockLength;
    if (!adaptive && steps % blocks != 0) {
      throw new InvalidOptionException(
          "steps",
          steps,
          "is not a multiple of the "
              + blocks
              + " blocks of {gen_length} "
              + genLength
              + " / {block_length} "
              + blockLength
              + ": use "
              + multiplesAround(steps, blocks));
    }
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static LladaOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    Builder builder =
        builder()
            .steps(given.integer("steps", DEFAULTS.steps))
            .genLength(given.integer("gen_length", DEFAULTS.genLength))
            .blockLength(given.integer("block_length", DEFAULTS.blockLength))
            .temperature(given.number("temperature", DEFAULTS.temperature))
            .cfgScale(given.number("cfg_scale", DEFAULTS.cfgScale))
            .remasking(given.remasking(DEFAULTS.remasking, Remasking.OF_LLADA))
            .logitsEosInf(given.flag("logits_eos_inf", DEFAULTS.logitsEosInf))
            .confidenceEosEotInf(given.flag("confidence_eos_eot_inf", DEFAULTS.confidenceEosEotInf))
            .seed(given.wholeNumber("seed", DEFAULTS.seed));
    given.optionalNumber("threshold").ifPresent(builder::threshold);
    given.optionalNumber("low_threshold").ifPresent(builder::lowThreshold);
    given.optionalNumber("factor").ifPresent(builder::factor);
    given.requireAllKnown(LladaSampler.NAME);
    return builder.build();
  }

  @Override
  public String samplerName() {
    return LladaSampler.NAME;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("steps", steps);
    map.put("gen_length", genLength);
    map.put("block_length", blockLength);
    map.put("temperature", temperature);
    map.put("cfg_scale", cfgScale);
    map.put("remasking", remasking.optionName());
    threshold.ifPresent(value -> map.put("threshold", value));
    lowThreshold.ifPresent(value -> map.put("low_threshold", value));
    factor.ifPresent(value -> map.put("factor", value));
    map.put("logits_eos_inf", logitsEosInf);
    map.put("confidence_eos_eot_inf", confidenceEosEotInf);
    map.put("seed", seed);
    return map;
  }

  @Override
  public LladaSampler sampler(SpecialTokens specials) {
    return new LladaSampler(this, specials);
  }

  /** Number of blocks. */
  public int blocks() {
    return genLength / blockLength;
  }

  /** Whether a block takes as many steps as it needs, instead of a share of {@code steps}. */
  public boolean adaptive() {
    return threshold.isPresent() || lowThreshold.isPresent() || factor.isPresent();
  }

  /** A builder that starts from LLaDA's defaults. */
  public static Builder builder() {
    return new Builder();
  }

  /** A builder that starts from these options. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.steps = steps;
    builder.genLength = genLength;
    builder.blockLength = blockLength;
    builder.temperature = temperature;
    builder.cfgScale = cfgScale;
    builder.remasking = remasking;
    builder.threshold = threshold;
    builder.lowThreshold = lowThreshold;
    builder.factor = factor;
    builder.logitsEosInf = logitsEosInf;
    builder.confidenceEosEotInf = confidenceEosEotInf;
    builder.seed = seed;
    return builder;
  }

  private static String multiplesAround(int value, int divisor) {
    int below = value - value % divisor;
    long above = (long) below + divisor;
    if (below == 0) {
      return String.valueOf(above);
    }
    return above > Integer.MAX_VALUE ? String.valueOf(below) : below + " or " + above;
  }

  /** Collects options; {@link #build} checks them. */
  public static final class Builder {
    private int steps = 128;
    private int genLength = 128;
    private int blockLength = 128;
    private double temperature;
    private double cfgScale;
    private Remasking remasking = Remasking.LOW_CONFIDENCE;
    private OptionalDouble threshold = OptionalDouble.empty();
    private OptionalDouble lowThreshold = OptionalDouble.empty();
    private OptionalDouble factor = OptionalDouble.empty();
    private boolean logitsEosInf;
    private boolean confidenceEosEotInf;
    private long seed;

    private Builder() {}

    /** Sets {@code steps}. */
    public Builder steps(int value) {
      steps = value;
      return this;
    }

    /** Sets {@code gen_length}. */
    public Builder genLength(int value) {
      genLength = value;
      return this;
    }

    /** Sets {@code block_length}. */
    public Builder blockLength(int value) {
      blockLength = value;
      return this;
    }

    /** Sets {@code temperature}. */
    public Builder temperature(double value) {
      temperature = value;
      return this;
    }

    /** Sets {@code cfg_scale}. */
    public Builder cfgScale(double value) {
      cfgScale = value;
      return this;
    }

    /** Sets {@code remasking}. */
    public Builder remasking(Remasking value) {
      remasking = value;
      return this;
    }

    /** Sets {@code threshold}. */
    public Builder threshold(double value) {
      threshold = OptionalDouble.of(value);
      return this;
    }

    /** Sets {@code low_threshold}. */
    public Builder lowThreshold(double value) {
      lowThreshold = OptionalDouble.of(value);
      return this;
    }

    /** Sets {@code factor}. */
    public Builder factor(double value) {
      factor = OptionalDouble.of(value);
      return this;
    }

    /** Sets {@code logits_eos_inf}. */
    public Builder logitsEosInf(boolean value) {
      logitsEosInf = value;
      return this;
    }

    /** Sets {@code confidence_eos_eot_inf}. */
    public Builder confidenceEosEotInf(boolean value) {
      confidenceEosEotInf = value;
      return this;
    }

    /** Sets {@code seed}. */
    public Builder seed(long value) {
      seed = value;
      return this;
    }

    /**
     * The options.
     *
     * @throws InvalidOptionException naming the first option that is wrong
     */
    public LladaOptions build() {
      return new LladaOptions(
          steps,
          genLength,
          blockLength,
          temperature,
          cfgScale,
          remasking,
          threshold,
          lowThreshold,
          factor,
          logitsEosInf,
          confidenceEosEotInf,
          seed);
    }
  }
}
