package dev.palimpsest.engine.model;

/**
 * A transformer as data: pre-norm RMS blocks with rotary attention over the whole sequence and a
 * SwiGLU feed-forward.
 *
 * @param family the checkpoint's {@code model_type}
 * @param vocabulary rows of the embedding and of the head
 * @param hidden width of the residual stream
 * @param layers number of blocks
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}
 * @param headSize width of a head
 * @param feedForward inner width of the feed-forward
 * @param normEpsilon RMSNorm's epsilon
 * @param ropeTheta base of the rotary frequencies
 * @param maxLength longest sequence, prompt and canvas together
 * @param tiedHead whether the head is the embedding
 * @param maskId the id that stands for a masked position
 * @param eosId the id that ends a text
 * @param padId the id that fills a text to a length
 */
public record ModelSpec(
    String family,
    int vocabulary,
    int hidden,
    int layers,
    int heads,
    int keyValueHeads,
    int headSize,
    int feedForward,
    double normEpsilon,
    double ropeTheta,
    int maxLength,
    boolean tiedHead,
    int maskId,
    int eosId,
    int padId) {

  /** Number of weights, counting a tied head once. */
  public long parameters() {
    long attention = (long) hidden * headSize * (2L * heads + 2L * keyValueHeads);
    long block = attention + 3L * hidden * feedForward + 2L * hidden;
    return layers * block + hidden + (long) vocabulary * hidden * (tiedHead ? 1 : 2);
  }
}
