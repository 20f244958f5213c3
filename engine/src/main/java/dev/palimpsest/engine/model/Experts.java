package dev.palimpsest.engine.model;

/**
 * A mixture of experts in place of the dense feed-forward, from some layer on.
 *
 * @param count experts of a layer
 * @param perToken experts that a token uses
 * @param width inner width of an expert
 * @param router chooses the experts
 * @param sharedWidth inner width of the expert that every token uses; 0 if there is none
 * @param denseLayers leading layers whose feed-forward is dense
 * @param gate of an expert
 */
public record Experts(
    int count,
    int perToken,
    int width,
    Router router,
    int sharedWidth,
    int denseLayers,
    Gate gate) {

  /** Experts with SiLU gates. */
  public Experts(
      int count, int perToken, int width, Router router, int sharedWidth, int denseLayers) {
    this(count, perToken, width, router, sharedWidth, denseLayers, Gate.SILU);
  }

  /** Experts in every layer, and none that every token uses. */
  public Experts(int count, int perToken, int width, Router router) {
    this(count, perToken, width, router, 0, 0);
  }

  /** The same beside an expert of this inner width that every token uses. */
  public Experts withShared(int newSharedWidth) {
    return new Experts(count, perToken, width, router, newSharedWidth, denseLayers, gate);
  }

  /** The same from this layer on; those before are dense. */
  public Experts fromLayer(int newDenseLayers) {
    return new Experts(count, perToken, width, router, sharedWidth, newDenseLayers, gate);
  }

  /** The same with another gate. */
  public Experts withGate(Gate newGate) {
    return new Experts(count, perToken, width, router, sharedWidth, denseLayers, newGate);
  }

  /** Number of weights that choose the experts of a layer, in a model of this width. */
  long routerParameters(long hidden) {
    return count * (hidden + (router.hasBias() ? 1 : 0))
        + (router instanceof Router.ScaledSoftmax ? hidden + count : 0);
  }

  /** Number of weights of a layer with so many experts, in a model of this width. */
  long parameters(long hidden, long counted) {
    return routerParameters(hidden) + 3 * hidden * (counted * width + sharedWidth);
  }
}
