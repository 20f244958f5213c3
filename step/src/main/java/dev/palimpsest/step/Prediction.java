package dev.palimpsest.step;

import java.util.List;
import java.util.OptionalDouble;

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
 * @param targetLogProbability the natural logarithm of the probability of the id that the query
 *     names for the row, if it does: in the softmax of all of the row's logits, without
 *     temperature, filter or ids that are left out
 */
public record Prediction(
    int token,
    double probability,
    int argmax,
    double top,
    double second,
    double logSumExp,
    double entropy,
    List<Alternative> alternatives,
    OptionalDouble targetLogProbability) {

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

  /** A prediction that scores no target. */
  public Prediction(
      int token,
      double probability,
      int argmax,
      double top,
      double second,
      double logSumExp,
      double entropy,
      List<Alternative> alternatives) {
    this(
        token,
        probability,
        argmax,
        top,
        second,
        logSumExp,
        entropy,
        alternatives,
        OptionalDouble.empty());
  }

  /** The same with these alternatives. */
  public Prediction with(List<Alternative> others) {
    return new Prediction(
        token, probability, argmax, top, second, logSumExp, entropy, others, targetLogProbability);
  }

  /** The same with a target's log-probability. */
  public Prediction scored(double logProbability) {
    return new Prediction(
        token,
        probability,
        argmax,
        top,
        second,
        logSumExp,
        entropy,
        alternatives,
        OptionalDouble.of(logProbability));
  }

  /** The gap between the two most probable ids. */
  public double margin() {
    return top - second;
  }
}
