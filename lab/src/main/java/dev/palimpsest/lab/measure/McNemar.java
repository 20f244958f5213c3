package dev.palimpsest.lab.measure;

import org.apache.commons.statistics.distribution.BinomialDistribution;

/**
 * The exact test of McNemar whether two shares of the same items are equal ("Note on the sampling
 * error of the difference between correlated proportions or percentages", Psychometrika 12, 1947):
 * only items on which the two differ count, and if the shares are equal each of these goes either
 * way with probability 1/2.
 *
 * @param first items on which only the first holds
 * @param second items on which only the second holds
 */
public record McNemar(int first, int second) {
  /** Counts the items on which two, given one by one, differ. */
  public static McNemar of(boolean[] some, boolean[] other) {
    int n = Paired.items(some.length, other.length);
    int first = 0;
    int second = 0;
    for (int item = 0; item < n; item++) {
      first += some[item] && !other[item] ? 1 : 0;
      second += other[item] && !some[item] ? 1 : 0;
    }
    return new McNemar(first, second);
  }

  /**
   * The two-sided p-value: twice the probability that {@link #first} + {@link #second} throws of a
   * fair coin show heads at most as often as the smaller of the two says, 1 at most; so 1 if the
   * two never differ.
   */
  public double p() {
    var heads = BinomialDistribution.of(first + second, 0.5);
    return Math.min(1, 2 * heads.cumulativeProbability(Math.min(first, second)));
  }
}
