package dev.palimpsest.lab.measure;

import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * The area under the receiver operating characteristic: the share of the pairs of a positive and a
 * negative item in which the positive one has the higher score, equal scores counting one half
 * (Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic
 * curve", Radiology 143, 1982).
 */
public final class Auroc {
  private Auroc() {}

  /**
   * The area.
   *
   * @param scores one per item, higher for what is taken for positive
   * @return empty without a positive or without a negative item
   */
  public static OptionalDouble of(double[] scores, boolean[] positive) {
    int n = Paired.items(scores.length, positive.length);
    return of(scores, positive, IntStream.range(0, n).toArray());
  }

  /**
   * The area and its bootstrap interval.
   *
   * @return empty where {@link #of(double[], boolean[])} is
   */
  public static Optional<Bootstrap> interval(double[] scores, boolean[] positive, long seed) {
    int n = Paired.items(scores.length, positive.length);
    return Bootstrap.interval(n, seed, items -> of(scores, positive, items));
  }

  private static OptionalDouble of(double[] scores, boolean[] positive, int[] items) {
    double[] ranks = MidRanks.of(scores, items);
    double sum = 0;
    double positives = 0;
    for (int i = 0; i < items.length; i++) {
      if (positive[items[i]]) {
        sum += ranks[i];
        positives++;
      }
    }
    double pairs = positives * (items.length - positives);
    return pairs == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of((sum - positives * (positives + 1) / 2) / pairs);
  }
}
