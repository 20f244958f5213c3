package dev.palimpsest.sampler.method;

import java.util.Arrays;
import java.util.Comparator;

/**
 * Which of a block's masked positions a step commits. Positions are ranked, higher score first and
 * ties by lower position; a rule takes a leading run of the ranking.
 */
public sealed interface SelectionRule {

  /**
   * How many leading ranks are taken.
   *
   * @param ranked scores in descending order
   * @return 0 to {@code ranked.length}
   */
  int take(double[] ranked);

  /**
   * The candidates to commit, best first.
   *
   * @param scores a score per candidate, in the order of their positions; no NaN
   * @return indices into {@code scores}
   */
  default int[] select(double[] scores) {
    Integer[] order = new Integer[scores.length];
    Arrays.setAll(order, index -> index);
    // The sort is stable, so equal scores stay in the order of their positions.
    Arrays.sort(order, Comparator.comparingDouble((Integer index) -> -scores[index]));
    double[] ranked = new double[scores.length];
    for (int rank = 0; rank < ranked.length; rank++) {
      ranked[rank] = scores[order[rank]];
    }
    int[] taken = new int[take(ranked)];
    for (int rank = 0; rank < taken.length; rank++) {
      taken[rank] = order[rank];
    }
    return taken;
  }

  /**
   * LLaDA's {@code topk} over a schedule.
   *
   * @param count positions to take; all of them if there are fewer
   */
  record FixedCount(int count) implements SelectionRule {
    @Override
    public int take(double[] ranked) {
      return Math.min(count, ranked.length);
    }
  }

  /**
   * Fast-dLLM's threshold (arXiv 2505.22618; {@code get_transfer_index}): the best position always,
   * and every other whose score is at least the threshold.
   *
   * @param threshold a probability
   */
  record Threshold(double threshold) implements SelectionRule {
    @Override
    public int take(double[] ranked) {
      int taken = Math.min(1, ranked.length);
      while (taken < ranked.length && ranked[taken] >= threshold) {
        taken++;
      }
      return taken;
    }
  }

  /**
   * Fast-dLLM's factor (arXiv 2505.22618): the best position always, then rank {@code r}, counted
   * from 1, while its score is at least {@code 1 - factor / (r + 1)}. The first that fails ends the
   * run.
   *
   * <p>This is the paper's rule. The published {@code get_transfer_index_dynamic} cannot tell a
   * failure at the last rank from no failure, and commits that last token too: scores 0.9, 0.7, 0.1
   * with factor 1 commit 2 here and 3 there.
   *
   * @param factor above 0
   */
  record Factor(double factor) implements SelectionRule {
    @Override
    public int take(double[] ranked) {
      int taken = Math.min(1, ranked.length);
      while (taken < ranked.length && ranked[taken] >= 1 - factor / (taken + 2)) {
        taken++;
      }
      return taken;
    }
  }

  /**
   * SDAR's {@code low_confidence_dynamic}, LLaDA2's rule too: every score above the threshold, or
   * the best few if that is fewer than the schedule's share.
   *
   * @param threshold a probability
   * @param share positions to take at least; all of them if there are fewer
   */
  record Above(double threshold, int share) implements SelectionRule {
    @Override
    public int take(double[] ranked) {
      int taken = 0;
      while (taken < ranked.length && ranked[taken] > threshold) {
        taken++;
      }
      return Math.max(taken, Math.min(share, ranked.length));
    }
  }

  /**
   * Ben-Hamu et al., "Accelerated Sampling from Masked Diffusion Models via Entropy Bounded
   * Unmasking" (2025), as JetEngine has it: the lowest entropies while their sum stays below the
   * bound, and always one. Scores are negated entropies.
   *
   * @param bound in nats
   */
  record EntropyBound(double bound) implements SelectionRule {
    @Override
    public int take(double[] ranked) {
      int taken = 0;
      double sum = 0;
      while (taken < ranked.length) {
        sum -= ranked[taken];
        if (sum >= bound) {
          break;
        }
        taken++;
      }
      return Math.max(taken, Math.min(1, ranked.length));
    }
  }
}
