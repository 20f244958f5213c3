package dev.palimpsest.step;

import java.util.Optional;

/**
 * How a token is drawn from the logits of a row.
 *
 * <p>At temperature 0 the token is the argmax, at T &gt; 0 the argmax of {@code logit - T · ln(-ln
 * u)} with {@code u} from {@link Philox}, keyed by seed, step, rotary position and token id: the
 * Gumbel-max form of LLaDA's {@code add_gumbel_noise}, in double precision and without its
 * overflow. Ties go to the lower id. Without a filter, probabilities are those of the logits
 * without noise and without temperature.
 *
 * @param temperature 0 or above
 * @param filter narrows the distribution before the draw, and is what probabilities are then of
 * @param adjustment what is done to the logits besides, if anything
 * @param seed the request's seed
 * @param step the step's index, part of the random key
 * @param undrawn ids that are never drawn
 * @param uncounted ids that are left out of the softmax; one that is drawn has probability 0
 * @param alternatives how many of the most probable ids that may be drawn to name; changes nothing
 *     else
 */
public record Draw(
    double temperature,
    Optional<SamplingFilter> filter,
    Optional<Adjustment> adjustment,
    long seed,
    int step,
    int[] undrawn,
    int[] uncounted,
    int alternatives) {
  private static final int[] NONE = {};

  /** A draw that names no alternatives. */
  public Draw(
      double temperature,
      Optional<SamplingFilter> filter,
      long seed,
      int step,
      int[] undrawn,
      int[] uncounted) {
    this(temperature, filter, Optional.empty(), seed, step, undrawn, uncounted, 0);
  }

  /** A draw from all ids but the undrawn ones, by a softmax over all. */
  public Draw(double temperature, long seed, int step, int[] undrawn) {
    this(temperature, Optional.empty(), seed, step, undrawn, NONE);
  }

  /** The argmax over the whole vocabulary. */
  public static final Draw GREEDY = new Draw(0, 0, 0, NONE);

  /** The same draw that names so many alternatives. */
  public Draw naming(int count) {
    return new Draw(temperature, filter, adjustment, seed, step, undrawn, uncounted, count);
  }

  /** The same draw of logits that are adjusted. */
  public Draw adjusted(Adjustment how) {
    return new Draw(
        temperature, filter, Optional.of(how), seed, step, undrawn, uncounted, alternatives);
  }

  /**
   * What samplers of autoregressive models do to logits besides, as Transformers does it.
   *
   * @param repetitionPenalty logits of ids that the sequence has are divided by it where they are
   *     above 0 and multiplied where they are below (Keskar et al., "CTRL", 2019); above 0
   * @param minP after the filter, ids less probable than this part of the most probable one are
   *     left out (Nguyen et al., 2024), from 0 to 1
   */
  public record Adjustment(double repetitionPenalty, double minP) {}
}
