package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.step.SamplingFilter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The options of Dream's sampler, with the names of its {@code generation_utils.py}; {@code
 * gen_length} is its {@code max_new_tokens}.
 *
 * @param steps forwards of the whole generation
 * @param genLength positions to fill
 * @param eps the time at which the last step ends, in (0, 1)
 * @param alg what chooses the positions of a step
 * @param algTemp randomness of that choice; absent or 0 takes the best
 * @param batchMeanK masks at the start, averaged over a batch, from which the reference computes
 *     how many positions every row of the batch commits; absent, a row's own masks count
 * @param draw how a token is drawn
 * @param seed of all randomness
 */
public record DreamOptions(
    int steps,
    int genLength,
    double eps,
    Algorithm alg,
    OptionalDouble algTemp,
    OptionalDouble batchMeanK,
    TokenDraw draw,
    long seed)
    implements SamplingOptions {

  /** Dream's {@code alg}. */
  public enum Algorithm {
    /** Every masked position has the same chance of being filled, whatever the model thinks. */
    ORIGIN,
    /** The most probable tokens first. */
    MASKGIT_PLUS,
    /** The widest gaps between the two most probable tokens first. */
    TOPK_MARGIN,
    /** The lowest entropies first. */
    ENTROPY
  }

  /** Checks what can be checked without a model. */
  public DreamOptions {
    Require.positive("gen_length", genLength);
    Require.positive("steps", steps);
    if (!(eps > 0 && eps < 1)) {
      throw new InvalidOptionException("eps", eps, "is no time: use a number between 0 and 1");
    }
    algTemp.ifPresent(value -> Require.zeroOrAbove("alg_temp", value));
    batchMeanK.ifPresent(value -> Require.zeroOrAbove("batch_mean_k", value));
    if (alg == Algorithm.ORIGIN && algTemp.isPresent()) {
      throw new InvalidOptionException(
          "alg_temp",
          algTemp.getAsDouble(),
          "needs a ranking, which {alg} origin has not: use maskgit_plus, topk_margin or entropy");
    }
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static DreamOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    DreamOptions options =
        new DreamOptions(
            given.integer("steps", 128),
            given.integer("gen_length", 128),
            given.number("eps", 1e-3),
            Choice.parse("alg", given.word("alg", "origin"), List.of(Algorithm.values())),
            given.optionalNumber("alg_temp"),
            given.optionalNumber("batch_mean_k"),
            TokenDraw.of(given, 0, SamplingFilter.Order.NUCLEUS_FIRST),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(DreamSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return DreamSampler.NAME;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("steps", steps);
    map.put("gen_length", genLength);
    map.put("eps", eps);
    map.put("alg", Choice.name(alg));
    algTemp.ifPresent(value -> map.put("alg_temp", value));
    batchMeanK.ifPresent(value -> map.put("batch_mean_k", value));
    draw.putInto(map);
    map.put("seed", seed);
    return map;
  }

  @Override
  public DreamSampler sampler(SpecialTokens specials) {
    return new DreamSampler(this, specials);
  }
}
