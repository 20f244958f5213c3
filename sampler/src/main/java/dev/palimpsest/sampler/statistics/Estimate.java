package dev.palimpsest.sampler.statistics;

import java.util.Optional;
import org.apache.commons.statistics.interval.BinomialConfidenceInterval;
import org.apache.commons.statistics.interval.NormalConfidenceInterval;

/**
 * A mean or a share over independent items, and its 95 % interval.
 *
 * @param value the estimate
 * @param n items that it is over
 * @param interval empty for a mean of equal values: they say nothing of how others differ
 */
public record Estimate(double value, int n, Optional<Interval> interval) {
  private static final double ERROR_RATE = 0.05;

  /**
   * Where it may lie.
   *
   * @param low its lower end
   * @param high its upper end
   */
  public record Interval(double low, double high) {}

  /**
   * A share with the score interval of Wilson, "Probable inference, the law of succession, and
   * statistical inference", Journal of the American Statistical Association 22, 1927. It has a
   * width at 0 and at 1 too.
   *
   * @param hits of the items
   * @param n items, at least 1
   */
  public static Estimate share(int hits, int n) {
    var wilson = BinomialConfidenceInterval.WILSON_SCORE.fromErrorRate(n, hits, ERROR_RATE);
    return new Estimate(
        (double) hits / n,
        n,
        Optional.of(new Interval(wilson.getLowerBound(), wilson.getUpperBound())));
  }

  /**
   * A mean with Student's t interval, cut to what the mean can be.
   *
   * @param values one per item, at least one, from 0 to {@code most}
   */
  public static Estimate mean(double[] values, double most) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    double mean = sum / values.length;
    double squares = 0;
    for (double value : values) {
      squares += (value - mean) * (value - mean);
    }
    if (squares == 0) {
      return new Estimate(mean, values.length, Optional.empty());
    }
    var student =
        NormalConfidenceInterval.MEAN.fromErrorRate(
            mean, squares / (values.length - 1), values.length, ERROR_RATE);
    return new Estimate(
        mean,
        values.length,
        Optional.of(
            new Interval(
                Math.max(0, student.getLowerBound()), Math.min(most, student.getUpperBound()))));
  }
}
