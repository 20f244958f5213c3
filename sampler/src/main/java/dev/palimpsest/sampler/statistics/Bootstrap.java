package dev.palimpsest.sampler.statistics;

import dev.palimpsest.engine.Philox;
import java.util.Arrays;
import java.util.OptionalDouble;

/**
 * Percentile intervals from resampled items (Efron, "Bootstrap methods: another look at the
 * jackknife", Annals of Statistics 7, 1979). What is drawn with replacement is the item, with all
 * that was measured on it, so that several measurements of one item are not taken for independent
 * ones.
 *
 * <p>Draws are {@link Philox} numbers keyed by seed, resample and draw: a seed gives its intervals
 * anywhere, and statistics over as many items are computed on the same resamples.
 *
 * @param seed of the draws
 * @param resamples how often the items are drawn anew, at least 1
 */
public record Bootstrap(long seed, int resamples) {
  private static final double TAIL = 0.025;
  private static final int LANES = 4;

  /** Checks the bound. */
  public Bootstrap {
    if (resamples < 1) {
      throw new IllegalArgumentException("resamples is " + resamples + ": use 1 or above");
    }
  }

  /**
   * The ratio of two sums over the items, for instance flips over trials.
   *
   * @param numerators one per item
   * @param denominators as many; 0 for an item that does not count
   * @return the ratio and its 95 % interval, which leaves out resamples without a denominator
   */
  public Interval ratio(double[] numerators, double[] denominators) {
    return interval(numerators.length, items -> ratio(numerators, denominators, items));
  }

  /** The first ratio less the second, of the same items: paired where an item counts in both. */
  public Interval difference(
      double[] numerators, double[] denominators, double[] others, double[] otherDenominators) {
    return interval(
        numerators.length,
        items -> ratio(numerators, denominators, items) - ratio(others, otherDenominators, items));
  }

  private Interval interval(int length, Statistic statistic) {
    int[] items = new int[length];
    Arrays.setAll(items, each -> each);
    double estimate = statistic.of(items);
    double[] values = new double[resamples];
    int defined = 0;
    for (int resample = 0; resample < resamples; resample++) {
      draw(resample, items);
      double value = statistic.of(items);
      if (!Double.isNaN(value)) {
        values[defined++] = value;
      }
    }
    if (Double.isNaN(estimate) || defined == 0) {
      return new Interval(OptionalDouble.empty(), Double.NaN, Double.NaN);
    }
    double[] sorted = Arrays.copyOf(values, defined);
    Arrays.sort(sorted);
    return new Interval(
        OptionalDouble.of(estimate), nearestRank(sorted, TAIL), nearestRank(sorted, 1 - TAIL));
  }

  /** Fills {@code items} with indices below its length, drawn with replacement. */
  private void draw(int resample, int[] items) {
    int[] words = new int[LANES];
    for (int draw = 0; draw < items.length; draw++) {
      if (draw % LANES == 0) {
        Philox.block(seed, resample, draw / LANES, Philox.Purpose.RESAMPLING, 0, words);
      }
      items[draw] = (int) (items.length * Philox.uniform(words[draw % LANES]));
    }
  }

  private static double ratio(double[] numerators, double[] denominators, int[] items) {
    double above = 0;
    double below = 0;
    for (int item : items) {
      above += numerators[item];
      below += denominators[item];
    }
    return below == 0 ? Double.NaN : above / below;
  }

  private static double nearestRank(double[] sorted, double share) {
    int rank = (int) Math.ceil(share * sorted.length);
    return sorted[Math.clamp(rank, 1, sorted.length) - 1];
  }

  /** A number of some of the items; NaN where it has none. */
  private interface Statistic {
    double of(int[] items);
  }

  /**
   * An estimate and where it may lie.
   *
   * @param estimate empty if no item counted
   * @param low the 2.5th percentile of the resamples; NaN without an estimate
   * @param high the 97.5th
   */
  public record Interval(OptionalDouble estimate, double low, double high) {}
}
