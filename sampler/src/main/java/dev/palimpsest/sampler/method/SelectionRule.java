package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.step.Prediction;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;

/**
 * Which of a block's masked positions a step commits. Positions are ranked, higher score first and
 * ties by lower position.
 */
public sealed interface SelectionRule {

  /**
   * The candidates to commit, best first.
   *
   * @param positions of the candidates, ascending
   * @param scores one per candidate; no NaN
   * @return indices into {@code scores}
   */
  int[] select(int[] positions, double[] scores);

  /**
   * The commits of what is selected, best first.
   *
   * @param positions of the candidates, ascending
   * @param scores one per candidate; no NaN
   * @param predictions one per candidate
   */
  default List<Commit> commits(int[] positions, double[] scores, List<Prediction> predictions) {
    return Arrays.stream(select(positions, scores))
        .mapToObj(index -> Commit.of(positions[index], predictions.get(index)))
        .toList();
  }

  /** A rule that takes a leading run of the ranking, wherever the candidates are. */
  sealed interface Leading extends SelectionRule {

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
      Integer[] order = ranking(scores);
      double[] ranked = Arrays.stream(order).mapToDouble(index -> scores[index]).toArray();
      return Arrays.stream(order).limit(take(ranked)).mapToInt(Integer::intValue).toArray();
    }

    @Override
    default int[] select(int[] positions, double[] scores) {
      return select(scores);
    }
  }

  private static Integer[] ranking(double[] scores) {
    Integer[] order = new Integer[scores.length];
    Arrays.setAll(order, index -> index);
    // The sort is stable, so equal scores stay in the order of their positions.
    Arrays.sort(order, Comparator.comparingDouble((Integer index) -> -scores[index]));
    return order;
  }

  /**
   * dInfer's hierarchical decoding (arXiv 2510.08666; {@code HierarchyDecoder} in {@code
   * parallel_strategy.py} at fce4e32): tokens are committed apart from each other, so that each
   * splits the masks around it. Taken are the best of every run of adjacent candidates, if its
   * score is above the low threshold; every candidate above the threshold; and the best of all,
   * always.
   *
   * <p>Where equal scores are the highest of a run, {@code HierarchyDecoder} takes them all and
   * {@code generate_hierarchy} of the same repository the first; here it is the first.
   *
   * @param threshold a probability; absent, no candidate is taken for its score alone
   * @param lowThreshold a probability
   */
  record Hierarchy(OptionalDouble threshold, double lowThreshold) implements SelectionRule {
    @Override
    public int[] select(int[] positions, double[] scores) {
      boolean[] isBestOfRun = new boolean[scores.length];
      int best = 0;
      for (int index = 0; index < scores.length; index++) {
        boolean begins = index == 0 || positions[index] > positions[index - 1] + 1;
        if (begins || scores[index] > scores[best]) {
          isBestOfRun[best] &= begins;
          isBestOfRun[index] = true;
          best = index;
        }
      }
      Integer[] order = ranking(scores);
      double high = threshold.orElse(Double.POSITIVE_INFINITY);
      return Arrays.stream(order)
          .filter(
              index ->
                  index.equals(order[0])
                      || scores[index] > high
                      || (isBestOfRun[index] && scores[index] > lowThreshold))
          .mapToInt(Integer::intValue)
          .toArray();
    }
  }

  /**
   * LLaDA's {@code topk} over a schedule.
   *
   * @param count positions to take; all of them if there are fewer
   */
  record FixedCount(int count) implements Leading {
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
  record Threshold(double threshold) implements Leading {
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
  record Factor(double factor) implements Leading {
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
  record Above(double threshold, int share) implements Leading {
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
  record EntropyBound(double bound) implements Leading {
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
