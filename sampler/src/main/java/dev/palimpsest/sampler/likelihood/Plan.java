package dev.palimpsest.sampler.likelihood;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.DoubleStream;

/**
 * An estimate as data: weighted looks at a part. Its value is the weighted sum over the full mask's
 * tokens and the mean over samples of the weighted sums of theirs.
 *
 * @param full weights of the tokens when all are masked
 * @param samples each a list of terms
 * @param drawn whether the samples are random
 */
record Plan(double[] full, List<List<Term>> samples, boolean drawn) {

  /** A look whose every asked token has a weight. */
  record Term(Look look, double weight) {}

  static Plan of(MaskEstimator estimator, Part part) {
    return switch (estimator) {
      case Chain chain -> chain.plan(part.length());
      case ExactBound bound -> bound.plan(part.length());
      case MonteCarloBound bound -> bound.plan(part);
      case CoupledMasks masks -> masks.plan(part);
    };
  }

  /** All that it looks at; the first is the full mask. */
  List<Look> looks() {
    List<Look> looks = new ArrayList<>();
    looks.add(Look.full(full.length));
    samples.forEach(terms -> terms.forEach(term -> looks.add(term.look())));
    return looks;
  }

  /**
   * What comes of it.
   *
   * @param seen of every look, the log-probability of each asked token
   */
  LogLikelihood result(List<double[]> seen) {
    double[] tokens = new double[full.length];
    double fixed = 0;
    for (int token = 0; token < full.length; token++) {
      tokens[token] = full[token] == 0 ? 0 : full[token] * seen.getFirst()[token];
      fixed += tokens[token];
    }
    double[] values = new double[samples.size()];
    int next = 1;
    for (int sample = 0; sample < values.length; sample++) {
      for (Term term : samples.get(sample)) {
        double[] probabilities = seen.get(next++);
        for (int index = 0; index < probabilities.length; index++) {
          double weighted = term.weight() * probabilities[index];
          values[sample] += weighted;
          tokens[term.look().asked()[index]] += weighted / values.length;
        }
      }
    }
    double mean = DoubleStream.of(values).sum() / values.length;
    return new LogLikelihood(
        fixed + mean,
        drawn ? standardError(values, mean) : OptionalDouble.empty(),
        DoubleStream.of(tokens).boxed().toList(),
        DoubleStream.of(seen.getFirst()).boxed().toList());
  }

  private static OptionalDouble standardError(double[] values, double mean) {
    if (values.length < 2) {
      return OptionalDouble.empty();
    }
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    return OptionalDouble.of(Math.sqrt(squares / (values.length - 1) / values.length));
  }
}
