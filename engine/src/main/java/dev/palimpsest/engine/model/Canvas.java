package dev.palimpsest.engine.model;

/**
 * The last tokens of a sequence, which see all of each other, of a model whose other tokens are
 * causal (DiffusionGemma): what precedes them is encoded and kept, they are denoised. Where a layer
 * has a window, all of them see the whole canvas and one token less than the window before it.
 *
 * <p>Their embeddings are RMS-normalized without a gain, after a feed-forward of what they are told
 * of the step before has been added; and their blocks have other layer scalars, if any.
 *
 * @param length of a canvas
 * @param selfConditioningWidth inner width of that feed-forward
 */
public record Canvas(int length, int selfConditioningWidth) {
  /** Where the canvas starts in a sequence of so many tokens. */
  public int start(int tokens) {
    return Math.max(0, tokens - length);
  }

  /** Number of weights, in a model of this width. */
  long parameters(long hidden) {
    return hidden + 3 * hidden * selfConditioningWidth;
  }
}
