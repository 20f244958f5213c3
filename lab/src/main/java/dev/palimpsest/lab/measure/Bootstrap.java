package dev.palimpsest.lab.measure;

import dev.palimpsest.lab.measure.Estimate.Interval;
import dev.palimpsest.step.Philox;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * A statistic of items and its 95 % percentile interval over resamples of them (Efron and
 * Tibshirani, "An introduction to the bootstrap", 1993, chapter 13).
 *
 * <p>Each of B = {@value #RESAMPLES} resamples draws as many items as there are, with replacement.
 * Draw i of resample r takes the item {@code (word · n) >> 32}, where {@code word} is word {@code i
 * mod 4}, unsigned, of the Philox4x32-10 block with the counter {@code (i / 4, 0, r, 6)} and the
 * key {@code (seed mod 2³², seed >> 32)}. So one seed draws the same items for every statistic of
 * the same items, which pairs them.
 *
 * <p>Of the D resamples on which the statistic is defined the interval has the values at {@code ⌊(D
 * - 1) / 40⌋} from either end of their order, the first having the place 0.
 *
 * @param estimate the statistic of the items themselves; without an interval where the resamples'
 *     values are less than 10⁻¹² apart, as they are if the items are all alike and say nothing of
 *     how others differ, and where none has a value
 * @param undefined resamples on which the statistic is undefined, B - D
 */
public record Bootstrap(Estimate estimate, int undefined) {
  /** How many there are. */
  public static final int RESAMPLES = 10_000;

  /** Which item a draw takes: the step is the resample, the position 0. */
  private static final Philox.Purpose ITEM = new Philox.Purpose(6);

  /** One over the share of the resamples that lies beyond either end of the interval. */
  private static final int TAIL = 40;

  /** Values closer than this are told apart by rounding alone. */
  private static final double ALIKE = 1e-12;

  /** What is computed of the items and of each resample. */
  @FunctionalInterface
  public interface Statistic {
    /**
     * The statistic of some of the items.
     *
     * @param items their numbers from 0, one as often as it was drawn; the array is used again
     * @return empty if it is undefined for them
     */
    OptionalDouble of(int[] items);
  }

  /**
   * A statistic and its interval.
   *
   * @param n how many items there are
   * @return empty if the statistic of all items is undefined
   */
  public static Optional<Bootstrap> interval(int n, long seed, Statistic statistic) {
    OptionalDouble value = statistic.of(IntStream.range(0, n).toArray());
    if (value.isEmpty()) {
      return Optional.empty();
    }
    double[] values = new double[RESAMPLES];
    int defined = 0;
    int[] items = new int[n];
    for (int resample = 0; resample < RESAMPLES; resample++) {
      draw(seed, resample, items);
      OptionalDouble each = statistic.of(items);
      if (each.isPresent()) {
        values[defined++] = each.getAsDouble();
      }
    }
    return Optional.of(
        new Bootstrap(
            new Estimate(value.getAsDouble(), n, percentiles(Arrays.copyOf(values, defined))),
            RESAMPLES - defined));
  }

  /**
   * A mean of one value per item.
   *
   * @return empty if there is no item
   */
  public static Optional<Bootstrap> mean(double[] values, long seed) {
    return interval(
        values.length,
        seed,
        items -> {
          double sum = 0;
          for (int item : items) {
            sum += values[item];
          }
          return items.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(sum / items.length);
        });
  }

  /**
   * The mean of the differences {@code some[i] - other[i]}, which is the difference of two means,
   * or of two shares if the values are 0 and 1, over the same items.
   *
   * @return empty if there is no item
   */
  public static Optional<Bootstrap> difference(double[] some, double[] other, long seed) {
    double[] differences = new double[Paired.items(some.length, other.length)];
    Arrays.setAll(differences, item -> some[item] - other[item]);
    return mean(differences, seed);
  }

  private static void draw(long seed, int resample, int[] items) {
    int[] words = new int[4];
    for (int i = 0; i < items.length; i++) {
      if (i % 4 == 0) {
        Philox.block(seed, resample, 0, ITEM, i / 4, words);
      }
      items[i] = (int) ((Integer.toUnsignedLong(words[i % 4]) * items.length) >>> 32);
    }
  }

  private static Optional<Interval> percentiles(double[] values) {
    Arrays.sort(values);
    int last = values.length - 1;
    if (last < 0 || values[last] - values[0] < ALIKE) {
      return Optional.empty();
    }
    return Optional.of(new Interval(values[last / TAIL], values[last - last / TAIL]));
  }
}
