package dev.palimpsest.lab.measure;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * The rank correlation of Spearman ("The proof and measurement of association between two things",
 * American Journal of Psychology 15, 1904): Pearson's correlation of the ranks, where equal values
 * share the mean of theirs.
 */
public final class Spearman {
  private Spearman() {}

  /**
   * The correlation of two values per item.
   *
   * @return empty if one of the two is the same for all items, or there is none
   */
  public static OptionalDouble of(double[] some, double[] other) {
    int n = Paired.items(some.length, other.length);
    return of(some, other, IntStream.range(0, n).toArray());
  }

  /**
   * The correlation and its bootstrap interval.
   *
   * @return empty where {@link #of(double[], double[])} is
   */
  public static Optional<Bootstrap> interval(double[] some, double[] other, long seed) {
    int n = Paired.items(some.length, other.length);
    return Bootstrap.interval(n, seed, items -> of(some, other, items));
  }

  private static OptionalDouble of(double[] some, double[] other, int[] items) {
    double[] first = MidRanks.of(some, items);
    double[] second = MidRanks.of(other, items);
    double mean = (items.length + 1) / 2.0;
    double firsts = 0;
    double seconds = 0;
    double products = 0;
    for (int i = 0; i < items.length; i++) {
      firsts += (first[i] - mean) * (first[i] - mean);
      seconds += (second[i] - mean) * (second[i] - mean);
      products += (first[i] - mean) * (second[i] - mean);
    }
    return firsts == 0 || seconds == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(products / Math.sqrt(firsts * seconds));
  }
}
