package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.SamplingFilter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The options of autoregressive decoding.
 *
 * @param genLength most tokens to write; decoding ends earlier at a stop id
 * @param draw how a token is drawn
 * @param minP ids less probable than this part of the most probable one are not drawn; 0 is off
 * @param repetitionPenalty by which logits of ids that prompt and text have already are divided, or
 *     multiplied where they are below 0; 1 is off
 * @param noRepeatNgramSize no so many tokens in a row stand twice in prompt and text; 0 is off
 * @param minNewTokens tokens before which the text does not end
 * @param seed of all randomness
 */
public record DecodeOptions(
    int genLength,
    TokenDraw draw,
    double minP,
    double repetitionPenalty,
    int noRepeatNgramSize,
    int minNewTokens,
    long seed)
    implements SamplingOptions {

  /** Checks what can be checked without a model. */
  public DecodeOptions {
    Require.positive("gen_length", genLength);
    Require.zeroOrAbove("min_p", minP);
    if (minP > 1) {
      throw new InvalidOptionException("min_p", minP, "is above 1: use 0 to 1");
    }
    if (!(repetitionPenalty > 0 && Double.isFinite(repetitionPenalty))) {
      throw new InvalidOptionException(
          "repetition_penalty", repetitionPenalty, "is not above 0: use 1 for none");
    }
    Require.zeroOrAbove("no_repeat_ngram_size", noRepeatNgramSize);
    Require.zeroOrAbove("min_new_tokens", minNewTokens);
  }

  /** Options that adjust no logits. */
  public DecodeOptions(int genLength, TokenDraw draw, long seed) {
    this(genLength, draw, 0, 1, 0, 0, seed);
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
            given.integer("gen_length", 128),
            TokenDraw.of(given, 0, SamplingFilter.Order.TOP_K_FIRST),
            given.number("min_p", 0),
            given.number("repetition_penalty", 1),
            given.integer("no_repeat_ngram_size", 0),
            given.integer("min_new_tokens", 0),
            given.wholeNumber("seed", 0));
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
    putIfNot(map, "min_p", minP, 0.0);
    putIfNot(map, "repetition_penalty", repetitionPenalty, 1.0);
    putIfNot(map, "no_repeat_ngram_size", noRepeatNgramSize, 0);
    putIfNot(map, "min_new_tokens", minNewTokens, 0);
    map.put("seed", seed);
    return map;
  }

  private static void putIfNot(Map<String, Object> map, String name, Object value, Object neutral) {
    if (!value.equals(neutral)) {
      map.put(name, value);
    }
  }

  /** What is done to logits besides drawing from them, if anything. */
  Optional<Draw.Adjustment> adjustment() {
    boolean none = repetitionPenalty == 1 && (minP == 0 || draw.temperature() == 0);
    return none
        ? Optional.empty()
        : Optional.of(new Draw.Adjustment(repetitionPenalty, draw.temperature() == 0 ? 0 : minP));
  }

  @Override
  public DecodeSampler sampler(SpecialTokens specials) {
    return new DecodeSampler(this, specials);
  }
}
