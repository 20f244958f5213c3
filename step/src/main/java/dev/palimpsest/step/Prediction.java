package dev.palimpsest.step;

import java.util.List;

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
 * @param alternatives the most probable ids that may be drawn, most probable first, of equal ones
 *     the lower id; as many as the draw asked for, or as there are
 */
public record Prediction(
    int token,
    double probability,
    int argmax,
    double top,
    double second,
    double logSumExp,
    double entropy,
    List<Alternative> alternatives) {

  /** Takes its own copy. */
  public Prediction {
    alternatives = List.copyOf(alternatives);
  }

  /** A prediction without alternatives. */
  public Prediction(
      int token,
      double probability,
      int argmax,
      double top,
      double second,
      double logSumExp,
      double entropy) {
    this(token, probability, argmax, top, second, logSumExp, entropy, List.of());
  }

  /** The same with these alternatives. */
  public Prediction with(List<Alternative> others) {
    return new Prediction(token, probability, argmax, top, second, logSumExp, entropy, others);
  }

  /** The gap between the two most probable ids. */
  public double margin() {
    return top - second;
  }
}
