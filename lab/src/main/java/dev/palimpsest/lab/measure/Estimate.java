package dev.palimpsest.lab.measure;

import java.util.Arrays;
import java.util.Optional;
import org.apache.commons.statistics.interval.BinomialConfidenceInterval;
import org.apache.commons.statistics.interval.NormalConfidenceInterval;

/**
 * A mean or a share over independent items, and its 95 % interval.
 *
 * @param value the estimate
 * @param n items, or trials, that it is over
 * @param effective so many independent ones say as much: n, but for trials of which an item has
 *     several
 * @param interval empty for a mean of equal values: they say nothing of how others differ
 */
public record Estimate(double value, int n, double effective, Optional<Interval> interval) {
  private static final double ERROR_RATE = 0.05;

  /** The quantile of the normal distribution that leaves half the error rate above it. */
  private static final double Z = 1.959963984540054;

  /** An estimate over independent items. */
  public Estimate(double value, int n, Optional<Interval> interval) {
    this(value, n, n, interval);
  }

  /**
   * The interval in which the estimated value may lie.
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
   * A share of trials of which an item may have several, so that they are not independent: the
   * interval of {@link #share(int, int)} with the trials divided by the design effect, which is how
   * often the variance of the share between items is that of independent trials, 1 at least (Korn
   * and Graubard, "Confidence intervals for proportions with small expected number of positive
   * counts estimated from survey data", Survey Methodology 24, 1998). Where all trials or none are
   * hits, that is unknown, and an item counts as one trial. With one trial an item this is {@link
   * #share(int, int)}.
   *
   * @param hits one count per item
   * @param trials as many; 0 for an item that does not count
   * @return empty if there is no trial
   */
  public static Optional<Estimate> share(int[] hits, int[] trials) {
    int n = Arrays.stream(trials).sum();
    if (n == 0) {
      return Optional.empty();
    }
    double share = (double) Arrays.stream(hits).sum() / n;
    double independent = Arrays.stream(trials).filter(each -> each > 0).count();
    if (share > 0 && share < 1) {
      double squares = 0;
      for (int item = 0; item < trials.length; item++) {
        double residual = hits[item] - share * trials[item];
        squares += residual * residual;
      }
      independent = n / Math.max(1, squares / (n * share * (1 - share)));
    }
    double center = share + Z * Z / (2 * independent);
    double half = Z * Math.sqrt((share * (1 - share) + Z * Z / (4 * independent)) / independent);
    double all = 1 + Z * Z / independent;
    return Optional.of(
        new Estimate(
            share,
            n,
            independent,
            Optional.of(
                new Interval(
                    Math.max(0, (center - half) / all), Math.min(1, (center + half) / all)))));
  }

  /**
   * One share less another, with the interval that adds the squares of what the ends of their own
   * are away (Newcombe, "Interval estimation for the difference between independent proportions:
   * comparison of eleven methods", Statistics in Medicine 17, 1998, method 10). Of shares of the
   * same items it is rather too wide.
   *
   * @param some with an interval
   * @param other with an interval
   * @return the interval around {@code some.value() - other.value()}
   */
  public static Interval difference(Estimate some, Estimate other) {
    Interval first = some.interval().orElseThrow();
    Interval second = other.interval().orElseThrow();
    double difference = some.value() - other.value();
    return new Interval(
        difference - Math.hypot(some.value() - first.low(), second.high() - other.value()),
        difference + Math.hypot(first.high() - some.value(), other.value() - second.low()));
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
