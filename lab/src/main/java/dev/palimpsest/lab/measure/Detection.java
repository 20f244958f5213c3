package dev.palimpsest.lab.measure;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * How well a monitor's flags tell positive items from negative ones, whatever the share of either
 * among them.
 *
 * @param tpr the share of the positive items that are flagged; empty without one
 * @param tnr the share of the negative items that are not; empty without one
 */
public record Detection(Optional<Estimate> tpr, Optional<Estimate> tnr) {

  /** Counts one flag per item; the shares have Wilson's interval. */
  public static Detection of(boolean[] flagged, boolean[] positive) {
    int n = Paired.items(flagged.length, positive.length);
    return of(flagged, positive, IntStream.range(0, n).toArray());
  }

  /**
   * The square of the geometric mean of the two shares, TPR · TNR: 1 for a perfect monitor, at most
   * 1/4 for one that flags without looking.
   *
   * @return empty where one of the shares is
   */
  public OptionalDouble gMeanSquared() {
    return tpr.isEmpty() || tnr.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(tpr.get().value() * tnr.get().value());
  }

  /**
   * {@link #gMeanSquared()} and its bootstrap interval over the items.
   *
   * @return empty where it is
   */
  public static Optional<Bootstrap> gMeanSquared(boolean[] flagged, boolean[] positive, long seed) {
    int n = Paired.items(flagged.length, positive.length);
    return Bootstrap.interval(n, seed, items -> of(flagged, positive, items).gMeanSquared());
  }

  private static Detection of(boolean[] flagged, boolean[] positive, int[] items) {
    int[] hits = new int[2];
    int[] all = new int[2];
    for (int item : items) {
      int type = positive[item] ? 1 : 0;
      all[type]++;
      hits[type] += flagged[item] == positive[item] ? 1 : 0;
    }
    return new Detection(share(hits[1], all[1]), share(hits[0], all[0]));
  }

  private static Optional<Estimate> share(int hits, int all) {
    return all == 0 ? Optional.empty() : Optional.of(Estimate.share(hits, all));
  }
}
