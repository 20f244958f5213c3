package dev.palimpsest.engine;

/**
 * How a token is drawn from the logits of a row.
 *
 * <p>At temperature 0 the token is the argmax, at T &gt; 0 the argmax of {@code logit - T · ln(-ln
 * u)} with {@code u} from {@link Philox}, keyed by seed, step, rotary position and token id: the
 * Gumbel-max form of LLaDA's {@code add_gumbel_noise}, in double precision and without its
 * overflow. Ties go to the lower id. Probabilities are those of the logits without noise and
 * without temperature.
 *
 * @param temperature 0 or above
 * @param seed the request's seed
 * @param step the step's index, part of the random key
 * @param undrawn ids that are never drawn
 * @param uncounted ids that are left out of the softmax; one that is drawn has probability 0
 */
public record Draw(double temperature, long seed, int step, int[] undrawn, int[] uncounted) {
  private static final int[] NONE = {};

  /** The argmax over the whole vocabulary. */
  public static final Draw GREEDY = new Draw(0, 0, 0, NONE, NONE);
}
