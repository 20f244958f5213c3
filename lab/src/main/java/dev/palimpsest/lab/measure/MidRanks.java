package dev.palimpsest.lab.measure;

import java.util.Arrays;

/** Ranks of values, equal ones sharing the mean of theirs. */
final class MidRanks {
  private MidRanks() {}

  /**
   * The ranks from 1 of some of the values.
   *
   * @param items which of them, one as often as it counts
   * @return one rank for each of {@code items}, a multiple of 1/2
   */
  static double[] of(double[] values, int[] items) {
    double[] chosen = new double[items.length];
    for (int i = 0; i < items.length; i++) {
      chosen[i] = values[items[i]] + 0.0; // -0 and 0 are equal
      if (Double.isNaN(chosen[i])) {
        throw new IllegalArgumentException(
            "value %d is NaN: a rank needs a number".formatted(items[i]));
      }
    }
    double[] distinct = chosen.clone();
    Arrays.sort(distinct);
    double[] ranks = new double[distinct.length];
    int groups = 0;
    for (int from = 0; from < distinct.length; groups++) {
      int to = from;
      while (to < distinct.length && distinct[to] == distinct[from]) {
        to++;
      }
      distinct[groups] = distinct[from];
      ranks[groups] = (from + 1 + to) / 2.0;
      from = to;
    }
    for (int i = 0; i < chosen.length; i++) {
      chosen[i] = ranks[Arrays.binarySearch(distinct, 0, groups, chosen[i])];
    }
    return chosen;
  }
}
