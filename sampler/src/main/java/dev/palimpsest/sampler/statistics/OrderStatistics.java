package dev.palimpsest.sampler.statistics;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.trace.Trace;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * How close to left-to-right a text was written.
 *
 * <p>Where one step writes several positions they are taken in ascending order, and two of them are
 * no earlier and no later than each other; beside every measure stands the share of what it counts
 * that such a tie takes part in. NTP@k and FMS@k are the local and the global AR-ness@k of
 * DiffuCoder (arXiv 2506.20639, appendix A.2), whose open points are settled here: the prompt
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

  /** Statistics of the whole canvas after the prompt, what follows the end of the text too. */
  public static OrderStatistics ofCanvas(Trace trace) {
    return of(CommitSteps.of(trace));
  }

  /**
   * Statistics of the text: of the positions before the first id that ends it.
   *
   * @return empty if there is none
   */
  public static Optional<OrderStatistics> ofText(Trace trace) {
    CanvasImage last = trace.last();
    int length = 0;
    while (last.promptLength() + length < last.length() && !ends(trace, length)) {
      length++;
    }
    return length == 0
        ? Optional.empty()
        : Optional.of(of(Arrays.copyOf(CommitSteps.of(trace), length)));
  }

  private static boolean ends(Trace trace, int index) {
    int position = trace.last().promptLength() + index;
    return trace.last().state(position) == CellState.COMMITTED
        && trace.header().specials().isStop(trace.last().id(position));
  }

  /**
   * A share of positions or pairs.
   *
   * @param value of them
   * @param ties the share of them that compares two positions of one step
   */
  public record Share(double value, double ties) {}

  /** Positions written. */
  public int length() {
    return steps.length;
  }

  /**
   * NTP@k over sets: the share of positions whose {@code k} predecessors in time are, as a set, the
   * {@code k} positions to their left. Never rises with {@code k}.
   */
  public Share ntpSet(int k) {
    requirePositive(k);
    int hits = 0;
    int ties = 0;
    for (int t = 0; t < order.length; t++) {
      hits += isSetOfLeftNeighbours(t, k) ? 1 : 0;
      ties += isTied(t, k) ? 1 : 0;
    }
    return share(hits, ties, order.length);
  }

  /** Whether two of a position and its {@code k} predecessors in time are of one step. */
  private boolean isTied(int t, int k) {
    for (int later = t; later > Math.max(0, t - k); later--) {
      if (steps[order[later]] == steps[order[later - 1]]) {
        return true;
      }
    }
    return false;
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
  public Optional<Share> ntpOrdered(int k) {
    requirePositive(k);
    int runs = order.length - k;
    if (runs <= 0) {
      return Optional.empty();
    }
    int hits = 0;
    int ties = 0;
    for (int t = k; t < order.length; t++) {
      boolean consecutive = true;
      for (int back = 0; back < k; back++) {
        consecutive &= order[t - back] == order[t - back - 1] + 1;
      }
      hits += consecutive ? 1 : 0;
      ties += isTied(t, k) ? 1 : 0;
    }
    return Optional.of(share(hits, ties, runs));
  }

  /**
   * FMS@k: the share of positions that were among the {@code k} leftmost still masked when they
   * were written. Never falls with {@code k}. A tie is a position with another one of its step to
   * its left, which counts as written before it.
   */
  public Share fms(int k) {
    requirePositive(k);
    boolean[] written = new boolean[order.length];
    int hits = 0;
    int ties = 0;
    for (int position : order) {
      boolean tied = false;
      int maskedToTheLeft = 0;
      for (int other = 0; other < position; other++) {
        maskedToTheLeft += written[other] ? 0 : 1;
        tied |= steps[other] == steps[position];
      }
      hits += maskedToTheLeft < k ? 1 : 0;
      ties += tied ? 1 : 0;
      written[position] = true;
    }
    return share(hits, ties, order.length);
  }

  /**
   * The share of neighbours whose left one was written at an earlier step; one step for both is not
   * earlier.
   *
   * @return empty for a single position
   */
  public Optional<Share> adjacentConcordance() {
    int pairs = steps.length - 1;
    int concordant = 0;
    int ties = 0;
    for (int position = 0; position < pairs; position++) {
      concordant += steps[position] < steps[position + 1] ? 1 : 0;
      ties += steps[position] == steps[position + 1] ? 1 : 0;
    }
    return pairs == 0 ? Optional.empty() : Optional.of(share(concordant, ties, pairs));
  }

  /**
   * The share of all pairs whose left one was written at an earlier step: 1 from left to right, 0
   * from right to left, about 0.5 at random.
   *
   * @return empty for a single position
   */
  public Optional<Share> pairConcordance() {
    long concordant = 0;
    long ties = 0;
    for (int left = 0; left < steps.length; left++) {
      for (int right = left + 1; right < steps.length; right++) {
        concordant += steps[left] < steps[right] ? 1 : 0;
        ties += steps[left] == steps[right] ? 1 : 0;
      }
    }
    long pairs = (long) steps.length * (steps.length - 1) / 2;
    return pairs == 0 ? Optional.empty() : Optional.of(share(concordant, ties, pairs));
  }

  private static Share share(long hits, long ties, long all) {
    return new Share((double) hits / all, (double) ties / all);
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
