package dev.palimpsest.step;

import java.util.List;
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
 * @param allowed the ids that a row may take, one set per row; the logits of all others are as if
 *     they were minus infinity, but for a target's probability. Empty if rows may take any
 * @param told the ids that the last positions are told of the step before (self-conditioning on
 *     tokens), one for each of a canvas; empty if they are told nothing
 * @param attention which keys a token sees, of a model that has several ways to attend; empty for
 *     the model's usual one
 */
public record Query(
    int[] tokens,
    int firstPosition,
    int[] rows,
    int cacheablePrefix,
    Draw draw,
    Optional<Guidance> guidance,
    int[] targets,
    List<IdSet> allowed,
    int[] told,
    Optional<AttentionPattern> attention) {
  private static final int[] NONE = {};

  /** Checks that every row has a target, or none has, and likewise a set of allowed ids. */
  public Query {
    if (targets.length != 0 && targets.length != rows.length) {
      throw new IllegalArgumentException(
          "%d rows have %d targets: give one for each, or none"
              .formatted(rows.length, targets.length));
    }
    if (!allowed.isEmpty() && allowed.size() != rows.length) {
      throw new IllegalArgumentException(
          "%d rows have %d sets of allowed ids: give one for each, or none"
              .formatted(rows.length, allowed.size()));
    }
    allowed = List.copyOf(allowed);
  }

  /** A query whose positions are told nothing. */
  public Query(
      int[] tokens,
      int firstPosition,
      int[] rows,
      int cacheablePrefix,
      Draw draw,
      Optional<Guidance> guidance,
      int[] targets,
      List<IdSet> allowed) {
    this(
        tokens,
        firstPosition,
        rows,
        cacheablePrefix,
        draw,
        guidance,
        targets,
        allowed,
        NONE,
        Optional.empty());
  }

  /** A query without targets whose rows may take any id. */
  public Query(
      int[] tokens,
      int firstPosition,
      int[] rows,
      int cacheablePrefix,
      Draw draw,
      Optional<Guidance> guidance) {
    this(tokens, firstPosition, rows, cacheablePrefix, draw, guidance, NONE, List.of());
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
        tokens,
        firstPosition,
        rows,
        cacheablePrefix,
        draw.naming(alternatives),
        guidance,
        targets,
        allowed,
        told,
        attention);
  }

  /** The same query that asks for the probabilities of given ids, one per row, as well. */
  public Query scoring(int[] ids) {
    return new Query(
        tokens,
        firstPosition,
        rows,
        cacheablePrefix,
        draw,
        guidance,
        ids,
        allowed,
        told,
        attention);
  }

  /** The same query whose rows may take these ids alone, one set per row. */
  public Query allowing(List<IdSet> ids) {
    return new Query(
        tokens,
        firstPosition,
        rows,
        cacheablePrefix,
        draw,
        guidance,
        targets,
        ids,
        told,
        attention);
  }

  /** The same query of which nothing may be cached. */
  public Query uncached() {
    return new Query(
        tokens, firstPosition, rows, 0, draw, guidance, targets, allowed, told, attention);
  }

  /** The same query without guidance. */
  public Query unguided() {
    return new Query(
        tokens,
        firstPosition,
        rows,
        cacheablePrefix,
        draw,
        Optional.empty(),
        targets,
        allowed,
        told,
        attention);
  }

  /** The same query whose last positions are told these ids. */
  public Query telling(int[] ids) {
    return new Query(
        tokens,
        firstPosition,
        rows,
        cacheablePrefix,
        draw,
        guidance,
        targets,
        allowed,
        ids,
        attention);
  }

  /** The same query whose tokens attend so. */
  public Query attending(AttentionPattern pattern) {
    return new Query(
        tokens,
        firstPosition,
        rows,
        cacheablePrefix,
        draw,
        guidance,
        targets,
        allowed,
        told,
        Optional.of(pattern));
  }

  /** The ids that the row of this index may take; empty if it may take any. */
  public Optional<IdSet> allowed(int row) {
    return allowed.isEmpty() ? Optional.empty() : Optional.of(allowed.get(row));
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
