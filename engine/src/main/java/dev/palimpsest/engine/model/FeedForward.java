package dev.palimpsest.engine.model;

import java.util.Optional;

/**
 * The gated feed-forward of every layer.
 *
 * @param width inner width of a dense one
 * @param gate of a dense one, and of the expert that every token uses
 * @param experts of the layers that are not dense, if any
 */
public record FeedForward(int width, Gate gate, Optional<Experts> experts) {
  /** A SwiGLU feed-forward. */
  public FeedForward(int width, Optional<Experts> experts) {
    this(width, Gate.SILU, experts);
  }

  /** A dense feed-forward in every layer. */
  public static FeedForward dense(int width) {
    return new FeedForward(width, Optional.empty());
  }

  /** The experts of a layer; empty if its feed-forward is dense. */
  public Optional<Experts> experts(int layer) {
    return experts.filter(each -> layer >= each.denseLayers());
  }

  /** Whether a layer's feed-forward is dense. */
  public boolean isDense(int layer) {
    return experts(layer).isEmpty();
  }

  /** Number of weights of a layer with so many experts, in a model of this width. */
  long parameters(long hidden, int layer, int expertsCounted) {
    return experts(layer)
        .map(each -> each.parameters(hidden, expertsCounted))
        .orElse(3 * hidden * width);
  }

  /** Number of weights, of {@link #parameters}, of a layer's router. */
  long routerParameters(long hidden, int layer) {
    return experts(layer).map(each -> each.routerParameters(hidden)).orElse(0L);
  }
}
