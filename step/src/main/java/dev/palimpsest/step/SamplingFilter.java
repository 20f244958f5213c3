package dev.palimpsest.step;

/**
 * Which ids of a row a token is drawn from: of the logits over the temperature (as they are at 0),
 * the top k and the nucleus (Holtzman et al., 2020). The token is drawn from the softmax of what
 * remains, and every probability and the entropy of the {@link Prediction} are of it. Ids that are
 * undrawn or uncounted take no part.
 *
 * @param topK ids that remain, at least 1; all if {@link Integer#MAX_VALUE}
 * @param topP the most probable ids remain whose probabilities before them sum to at most this,
 *     above 0; all if 1
 * @param order of the two cuts
 */
public record SamplingFilter(int topK, double topP, Order order) {
  /** Every id remains. */
  public static final SamplingFilter ALL = new SamplingFilter(Integer.MAX_VALUE, 1);

  /** The nucleus of all ids, then the top k. */
  public SamplingFilter(int topK, double topP) {
    this(topK, topP, Order.NUCLEUS_FIRST);
  }

  /** Which cut is made first; the other is made in what it leaves. */
  public enum Order {
    /** As in Dream's {@code sample_tokens}. */
    NUCLEUS_FIRST,
    /** As in the samplers of SDAR, LLaDA2 and Transformers. */
    TOP_K_FIRST
  }
}
