package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.step.SamplingFilter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The options of ReMDM (arXiv 2503.00307).
 *
 * @param steps forwards of the whole generation
 * @param genLength positions to fill
 * @param remasking how probable it is that a filled position is masked again
 * @param eta the strategy's strength, in [0, 1]; 0 masks nothing again
 * @param draw how a token is drawn
 * @param seed of all randomness
 */
public record RemdmOptions(
    int steps, int genLength, Remasking remasking, double eta, TokenDraw draw, long seed)
    implements SamplingOptions {

  /** Checks what can be checked without a model. */
  public RemdmOptions {
    Require.positive("gen_length", genLength);
    Require.positive("steps", steps);
    remasking.requireOneOf(Remasking.OF_REMDM);
    if (!(eta >= 0 && eta <= 1)) {
      throw new InvalidOptionException("eta", eta, "is no probability: use 0 to 1");
    }
  }

  /**
   * Options by their reference names.
   *
   * @throws InvalidOptionException naming the first option that is unknown or wrong
   */
  static RemdmOptions of(Map<String, ?> values) {
    OptionValues given = new OptionValues(values);
    RemdmOptions options =
        new RemdmOptions(
            given.integer("steps", 128),
            given.integer("gen_length", 128),
            given.remasking(Remasking.CAP, Remasking.OF_REMDM),
            given.number("eta", 0.02),
            TokenDraw.of(given, 1, SamplingFilter.Order.NUCLEUS_FIRST),
            given.wholeNumber("seed", 0));
    given.requireAllKnown(RemdmSampler.NAME);
    return options;
  }

  @Override
  public String samplerName() {
    return RemdmSampler.NAME;
  }

  @Override
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("steps", steps);
    map.put("gen_length", genLength);
    map.put("remasking", remasking.optionName());
    map.put("eta", eta);
    draw.putInto(map);
    map.put("seed", seed);
    return map;
  }

  @Override
  public RemdmSampler sampler(SpecialTokens specials) {
    return new RemdmSampler(this, specials);
  }
}
