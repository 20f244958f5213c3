package dev.palimpsest.sampler.likelihood;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * How probable a model finds a completion behind its prompt, in nats.
 *
 * @param value its log-probability, or a bound or estimate of it, as the estimator says
 * @param standardError of the value's mean over the draws, where it is drawn; empty too where one
 *     draw says nothing of how others differ
 * @param tokens each token's part of the value, where that is a sum over them; else empty
 * @param fullMask each token's log-probability where all are masked at once, the estimate of d1 (<a
 *     href="https://arxiv.org/abs/2504.12216">arXiv 2504.12216</a>) without its masks in the
 *     prompt; in a model with blocks the token's block is masked, and those before are as given;
 *     empty where a model has no masks
 */
public record LogLikelihood(
    double value, OptionalDouble standardError, List<Double> tokens, List<Double> fullMask) {
  /** Takes its own copies. */
  public LogLikelihood {
    tokens = List.copyOf(tokens);
    fullMask = List.copyOf(fullMask);
  }

  /** That of two parts of a text, the second given the first, drawn independently. */
  LogLikelihood plus(LogLikelihood next) {
    OptionalDouble error =
        standardError.isPresent() && next.standardError.isPresent()
            ? OptionalDouble.of(
                Math.hypot(standardError.getAsDouble(), next.standardError.getAsDouble()))
            : OptionalDouble.empty();
    return new LogLikelihood(
        value + next.value, error, joined(tokens, next.tokens), joined(fullMask, next.fullMask));
  }

  private static List<Double> joined(List<Double> some, List<Double> others) {
    List<Double> all = new ArrayList<>(some);
    all.addAll(others);
    return all;
  }
}
