package dev.palimpsest.engine;

/**
 * What is known of one row after a forward pass: a handful of scalars instead of its logits.
 *
 * @param token the drawn id
 * @param probability of the drawn id
 * @param argmax the most probable id that may be drawn
 * @param top the highest probability of any counted id
 * @param second the second highest probability of any counted id
 * @param logSumExp the logarithm of the softmax's denominator
 * @param entropy of the distribution, in nats
 */
public record Prediction(
    int token,
    double probability,
    int argmax,
    double top,
    double second,
    double logSumExp,
    double entropy) {

  /** The gap between the two most probable ids. */
  public double margin() {
    return top - second;
  }
}
