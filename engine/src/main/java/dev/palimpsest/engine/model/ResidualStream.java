package dev.palimpsest.engine.model;

/**
 * What a model does to its residual stream.
 *
 * @param embeddingScale what embeddings are multiplied by
 * @param norms of every block
 * @param layerScalars whether all of it is multiplied by a number at the end of every block
 */
public record ResidualStream(double embeddingScale, BlockNorms norms, boolean layerScalars) {
  /** Embeddings as they are, to which blocks add what they compute of a norm. */
  public static final ResidualStream PLAIN = new ResidualStream(1, BlockNorms.BEFORE, false);
}
