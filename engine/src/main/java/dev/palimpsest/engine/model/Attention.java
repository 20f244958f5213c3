package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;

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
 * @param windows of each layer, how many of these keys a query sees at most, the last ones; none:
 *     all of them in every layer
 */
public record Attention(
    int heads,
    int keyValueHeads,
    int headSize,
    boolean projectionBias,
    boolean headNorm,
    Rotary rotary,
    AttentionPattern pattern,
    List<Integer> windows) {
  public Attention {
    windows = List.copyOf(windows);
  }

  /** Attention without biases and without norms of its heads or windows. */
  public Attention(
      int heads, int keyValueHeads, int headSize, Rotary rotary, AttentionPattern pattern) {
    this(heads, keyValueHeads, headSize, false, false, rotary, pattern, List.of());
  }

  /** Width of a token's queries, all heads together. */
  public int queryWidth() {
    return heads * headSize;
  }

  /** Width of a token's keys, all heads together, and of its values. */
  public int keyWidth() {
    return keyValueHeads * headSize;
  }

  /** How many of the keys that its pattern shows a query it sees at most in a layer. */
  public int window(int layer) {
    return windows.isEmpty() ? Integer.MAX_VALUE : windows.get(layer);
  }

  Attention withPattern(AttentionPattern other) {
    return new Attention(
        heads, keyValueHeads, headSize, projectionBias, headNorm, rotary, other, windows);
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
