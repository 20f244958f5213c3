package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.step.SamplingFilter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The options of P2 (arXiv 2502.03540), with the names of its {@code p2_sampling}, but {@code
 * steps} for {@code num_steps} and {@code temperature} for {@code tau}.
 *
 * @param steps forwards of the whole generation
 * @param genLength positions to fill
 * @param eta what the scores of filled positions, which are logarithms, are multiplied by: 0 keeps
 *     every token, 1 ranks filled and masked positions alike, and above 1 filled ones are masked
 *     again the more readily
 * @param draw how a token is drawn
 * @param seed of all randomness
 */
public record P2Options(int steps, int genLength, double eta, TokenDraw draw, long seed)
    implements SamplingOptions {

  /** Checks what can be checked without a model. */
  public P2Options {
    Require.positive("gen_length", genLength);
    Require.positive("steps", steps);
    Require.zeroOrAbove("eta", eta);
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static P2Options of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    P2Options options =
        new P2Options(
            given.integer("steps", 128),
            given.integer("gen_length", 128),
            given.number("eta", 1),
            TokenDraw.of(given, 0, SamplingFilter.Order.NUCLEUS_FIRST),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(P2Sampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return P2Sampler.NAME;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("steps", steps);
    map.put("gen_length", genLength);
    map.put("eta", eta);
    draw.putInto(map);
    map.put("seed", seed);
    return map;
  }

  @Override
  public P2Sampler sampler(SpecialTokens specials) {
    return new P2Sampler(this, specials);
  }
}
