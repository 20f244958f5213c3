package dev.palimpsest.step;

import java.util.Optional;

/**
 * What one sequence asks of a forward pass.
 *
 * @param tokens the whole sequence, prompt and canvas, without padding
 * @param firstPosition the rotary position of {@code tokens[0]}; 0 except for sequences that were
 *     left-padded elsewhere
 * @param rows ascending indices into {@code tokens} whose predictions are wanted; may be empty
 * @param cacheablePrefix leading tokens that will never change: their keys and values may be cached
 *     as far as {@link AttentionPattern#cacheable} goes; the result is the same without
 * @param draw how a token is drawn in each asked row
 * @param guidance the unconditional half of classifier-free guidance, if any
 * @param targets ids whose probabilities are wanted beside the draws, one per row; empty if none
 *     are
 */
public record Query(
    int[] tokens,
    int firstPosition,
    int[] rows,
    int cacheablePrefix,
    Draw draw,
    Optional<Guidance> guidance,
    int[] targets) {
  private static final int[] NO_TARGETS = {};

  /** Checks that every row has a target, or none has. */
  public Query {
    if (targets.length != 0 && targets.length != rows.length) {
      throw new IllegalArgumentException(
          "%d rows have %d targets: give one for each, or none"
              .formatted(rows.length, targets.length));
    }
  }

  /** A query without targets. */
  public Query(
      int[] tokens,
      int firstPosition,
      int[] rows,
      int cacheablePrefix,
      Draw draw,
      Optional<Guidance> guidance) {
    this(tokens, firstPosition, rows, cacheablePrefix, draw, guidance, NO_TARGETS);
  }

  /** Asks nothing: no forward is run for it. */
  public static final Query NOTHING =
      new Query(new int[0], 0, new int[0], 0, Draw.GREEDY, Optional.empty());

  /** Sequences that are computed for it: none where nothing is asked, two with guidance. */
  public int sequences() {
    return rows.length == 0 ? 0 : guidance.isPresent() ? 2 : 1;
  }

  /** The same query whose predictions name so many alternatives. */
  public Query naming(int alternatives) {
    return new Query(
        tokens, firstPosition, rows, cacheablePrefix, draw.naming(alternatives), guidance, targets);
  }

  /** The same query that asks for the probabilities of given ids, one per row, as well. */
  public Query scoring(int[] ids) {
    return new Query(tokens, firstPosition, rows, cacheablePrefix, draw, guidance, ids);
  }

  /**
   * Classifier-free guidance: logits become {@code u + (scale + 1) · (c - u)}, where {@code c} are
   * the logits of {@link Query#tokens()} and {@code u} those of the unconditional tokens.
   *
   * @param unconditionalTokens as long as the query's tokens
   * @param scale LLaDA's {@code cfg_scale}, above 0
   */
  public record Guidance(int[] unconditionalTokens, double scale) {}
}
