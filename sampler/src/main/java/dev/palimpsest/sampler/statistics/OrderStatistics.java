package dev.palimpsest.sampler.statistics;

import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * How close to left-to-right a text was written.
 *
 * <p>Where one step writes several positions they are taken in ascending order; {@link
 * #tieFraction} says how much that decided. NTP@k and FMS@k are the local and the global AR-ness@k
 * of DiffuCoder (arXiv 2506.20639, appendix A.2), whose open points are settled here: the prompt
 * counts as written before, in its own order, so that a text written from left to right has exactly
 * 1.
 */
public final class OrderStatistics {
  private final int[] steps;
  private final int[] order;

  private OrderStatistics(int[] steps, int[] order) {
    this.steps = steps;
    this.order = order;
  }

  /**
   * Statistics of one text.
   *
   * @param steps the step that wrote each position after the prompt, from left to right; copied
   * @throws IllegalArgumentException if there is no position
   */
  public static OrderStatistics of(int[] steps) {
    if (steps.length == 0) {
      throw new IllegalArgumentException("an order needs a position, got none");
    }
    int[] own = steps.clone();
    int[] order =
        IntStream.range(0, own.length)
            .boxed()
            .sorted((a, b) -> Integer.compare(own[a], own[b]))
            .mapToInt(Integer::intValue)
            .toArray();
    return new OrderStatistics(own, order);
  }

  /** Positions written. */
  public int length() {
    return steps.length;
  }

  /**
   * NTP@k over sets: the share of positions whose {@code k} predecessors in time are, as a set, the
   * {@code k} positions to their left. Never rises with {@code k}.
   */
  public double ntpSet(int k) {
    requirePositive(k);
    int hits = 0;
    for (int t = 0; t < order.length; t++) {
      hits += isSetOfLeftNeighbours(t, k) ? 1 : 0;
    }
    return (double) hits / order.length;
  }

  private boolean isSetOfLeftNeighbours(int t, int k) {
    int here = order[t];
    // k different positions within [here - k, here) are all of them.
    for (int back = 1; back <= k; back++) {
      int earlier = written(t - back);
      if (earlier >= here || earlier < here - k) {
        return false;
      }
    }
    return true;
  }

  /**
   * NTP@k over sequences: of the runs of {@code k + 1} positions written one after another, the
   * share that goes rightwards one by one. The prompt does not count.
   *
   * @return empty if the text has no run of that length
   */
  public OptionalDouble ntpOrdered(int k) {
    requirePositive(k);
    int runs = order.length - k;
    if (runs <= 0) {
      return OptionalDouble.empty();
    }
    int hits = 0;
    for (int t = k; t < order.length; t++) {
      boolean consecutive = true;
      for (int back = 0; back < k; back++) {
        consecutive &= order[t - back] == order[t - back - 1] + 1;
      }
      hits += consecutive ? 1 : 0;
    }
    return OptionalDouble.of((double) hits / runs);
  }

  /**
   * FMS@k: the share of positions that were among the {@code k} leftmost still masked when they
   * were written. Never falls with {@code k}.
   */
  public double fms(int k) {
    requirePositive(k);
    boolean[] written = new boolean[order.length];
    int hits = 0;
    for (int position : order) {
      int maskedToTheLeft = 0;
      for (int other = 0; other < position; other++) {
        maskedToTheLeft += written[other] ? 0 : 1;
      }
      hits += maskedToTheLeft < k ? 1 : 0;
      written[position] = true;
    }
    return (double) hits / order.length;
  }

  /**
   * The share of neighbours whose left one was written at an earlier step; one step for both is not
   * earlier.
   *
   * @return empty for a single position
   */
  public OptionalDouble adjacentConcordance() {
    int pairs = steps.length - 1;
    int concordant = 0;
    for (int position = 0; position < pairs; position++) {
      concordant += steps[position] < steps[position + 1] ? 1 : 0;
    }
    return pairs == 0 ? OptionalDouble.empty() : OptionalDouble.of((double) concordant / pairs);
  }

  /**
   * The share of all pairs whose left one was written at an earlier step: 1 from left to right, 0
   * from right to left, about 0.5 at random.
   *
   * @return empty for a single position
   */
  public OptionalDouble pairConcordance() {
    long concordant = 0;
    for (int left = 0; left < steps.length; left++) {
      for (int right = left + 1; right < steps.length; right++) {
        concordant += steps[left] < steps[right] ? 1 : 0;
      }
    }
    return share(concordant);
  }

  /**
   * The share of all pairs that one step wrote.
   *
   * @return empty for a single position
   */
  public OptionalDouble tieFraction() {
    int[] sorted = steps.clone();
    Arrays.sort(sorted);
    long ties = 0;
    long run = 0;
    for (int at = 1; at < sorted.length; at++) {
      run = sorted[at] == sorted[at - 1] ? run + 1 : 0;
      ties += run;
    }
    return share(ties);
  }

  private OptionalDouble share(long pairs) {
    long all = (long) steps.length * (steps.length - 1) / 2;
    return all == 0 ? OptionalDouble.empty() : OptionalDouble.of((double) pairs / all);
  }

  /** The position written at a time; before the first are the prompt's, counted down from -1. */
  private int written(int t) {
    return t < 0 ? t : order[t];
  }

  private static void requirePositive(int k) {
    if (k < 1) {
      throw new IllegalArgumentException("k is " + k + ": use 1 or above");
    }
  }
}
