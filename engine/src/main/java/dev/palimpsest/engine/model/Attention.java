package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;

/**
 * The attention of every layer.
 *
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}
 * @param headSize width of a head
 * @param projectionBias whether query, key and value projections have biases
 * @param headNorm whether every query and key head is RMS-normalized before its rotation
 * @param rotary rotary positions
 * @param pattern which keys a query sees
 */
public record Attention(
    int heads,
    int keyValueHeads,
    int headSize,
    boolean projectionBias,
    boolean headNorm,
    Rotary rotary,
    AttentionPattern pattern) {

  /** Attention without biases and without norms of its heads. */
  public Attention(
      int heads, int keyValueHeads, int headSize, Rotary rotary, AttentionPattern pattern) {
    this(heads, keyValueHeads, headSize, false, false, rotary, pattern);
  }

  /** Width of a token's queries, all heads together. */
  public int queryWidth() {
    return heads * headSize;
  }

  /** Width of a token's keys, all heads together, and of its values. */
  public int keyWidth() {
    return keyValueHeads * headSize;
  }

  Attention withPattern(AttentionPattern other) {
    return new Attention(heads, keyValueHeads, headSize, projectionBias, headNorm, rotary, other);
  }

  /** Number of gains and biases. */
  long exactParameters() {
    long biases = projectionBias ? headSize * (heads + 2L * keyValueHeads) : 0;
    return biases + (headNorm ? 2L * headSize : 0);
  }

  /** Number of weights, in a model of this width. */
  long parameters(long hidden) {
    return hidden * headSize * (2L * heads + 2L * keyValueHeads) + exactParameters();
  }
}
