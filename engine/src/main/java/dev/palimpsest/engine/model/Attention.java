package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;

/**
 * The attention of a layer.
 *
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}
 * @param headSize width of a head
 * @param projectionBias whether query, key and value projections have biases
 * @param headNorm whether every query and key head is RMS-normalized before its rotation
 * @param rotary rotary positions
 * @param pattern which keys a query sees
 * @param window how many of these keys a query sees at most, the last ones; {@link #ALL_KEYS}: all
 *     of them
 * @param values where values come from
 * @param scoreScale what scores are multiplied by; another than {@code 1/sqrt(headSize)} needs
 *     normed queries, whose gains take it up
 */
public record Attention(
    int heads,
    int keyValueHeads,
    int headSize,
    boolean projectionBias,
    boolean headNorm,
    Rotary rotary,
    AttentionPattern pattern,
    int window,
    Values values,
    double scoreScale) {
  /** The window of a layer that has none. */
  public static final int ALL_KEYS = Integer.MAX_VALUE;

  /** Checks that a scale of its own finds gains that take it up. */
  public Attention {
    if (!headNorm && scoreScale != usualScale(headSize)) {
      throw new IllegalArgumentException(
          "scores of heads of %d are scaled by %s, and their queries are not normalized: only 1/sqrt(%d) is possible then"
              .formatted(headSize, scoreScale, headSize));
    }
  }

  /** Attention to all keys, with projected values and scores scaled as usual. */
  public Attention(
      int heads,
      int keyValueHeads,
      int headSize,
      boolean projectionBias,
      boolean headNorm,
      Rotary rotary,
      AttentionPattern pattern) {
    this(
        heads,
        keyValueHeads,
        headSize,
        projectionBias,
        headNorm,
        rotary,
        pattern,
        ALL_KEYS,
        Values.PROJECTED,
        usualScale(headSize));
  }

  /** Attention without biases and without norms of its heads or a window. */
  public Attention(
      int heads, int keyValueHeads, int headSize, Rotary rotary, AttentionPattern pattern) {
    this(heads, keyValueHeads, headSize, false, false, rotary, pattern);
  }

  /** Where values come from. */
  public enum Values {
    /** A projection of their own. */
    PROJECTED,
    /** A projection of their own, every head RMS-normalized without a gain. */
    NORMED,
    /** The keys' projection as it is before norm and rotation, normalized like {@link #NORMED}. */
    NORMED_KEYS;

    /** Whether every head is RMS-normalized. */
    public boolean areNormed() {
      return this != PROJECTED;
    }

    /** Whether they have no projection of their own. */
    public boolean areKeys() {
      return this == NORMED_KEYS;
    }
  }

  private static double usualScale(int headSize) {
    return 1 / Math.sqrt(headSize);
  }

  /** Width of a token's queries, all heads together. */
  public int queryWidth() {
    return heads * headSize;
  }

  /** Width of a token's keys, all heads together, and of its values. */
  public int keyWidth() {
    return keyValueHeads * headSize;
  }

  /** What the gains of normed queries are multiplied by, beside the usual scale of scores. */
  public double queryGain() {
    return scoreScale / usualScale(headSize);
  }

  /** The same with a window. */
  Attention within(int newWindow) {
    return new Attention(
        heads,
        keyValueHeads,
        headSize,
        projectionBias,
        headNorm,
        rotary,
        pattern,
        newWindow,
        values,
        scoreScale);
  }

  Attention withPattern(AttentionPattern other) {
    return new Attention(
        heads,
        keyValueHeads,
        headSize,
        projectionBias,
        headNorm,
        rotary,
        other,
        window,
        values,
        scoreScale);
  }

  /** Number of gains and biases. */
  long exactParameters() {
    long biases = projectionBias ? headSize * (heads + 2L * keyValueHeads) : 0;
    return biases + (headNorm ? 2L * headSize : 0);
  }

  /** Number of weights, in a model of this width. */
  long parameters(long hidden) {
    long keysAndValues = (values.areKeys() ? 1L : 2L) * keyValueHeads;
    return hidden * headSize * (2L * heads + keysAndValues) + exactParameters();
  }
}
