package dev.palimpsest.sampler.method;

import dev.palimpsest.step.Philox;
import dev.palimpsest.step.SamplingFilter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Dream's {@code sample_tokens} as plainly as its pseudo-code, over one row of logits: temperature,
 * nucleus, top k, softmax, draw. The mask is left out at the start. Random numbers come from {@link
 * Philox}.
 */
final class ReferenceDraw {
  /** The filtered distribution. */
  final double[] p;

  /** The drawn id. */
  final int token;

  ReferenceDraw(float[] row, TokenDraw how, int mask, long seed, int step, int position) {
    double[] logits = new double[row.length];
    for (int v = 0; v < row.length; v++) {
      logits[v] = how.temperature() > 0 ? row[v] / how.temperature() : row[v];
    }
    boolean filtered = how.temperature() > 0 || how.topP() < 1 || how.topK() < Integer.MAX_VALUE;
    if (filtered && mask >= 0) {
      logits[mask] = Double.NEGATIVE_INFINITY;
    }
    if (how.order() == SamplingFilter.Order.TOP_K_FIRST) {
      keep(how.topK(), logits);
    }
    if (how.topP() < 1) {
      List<Integer> sorted = descending(logits);
      double[] all = ReferenceLlada.softmax(logits);
      double cumulative = 0;
      boolean remove = false;
      for (int v : sorted) {
        if (remove) {
          logits[v] = Double.NEGATIVE_INFINITY;
        }
        cumulative += all[v];
        // Shifted right: the first that crosses the bound stays.
        remove = cumulative > how.topP();
      }
    }
    keep(how.topK(), logits);
    p = ReferenceLlada.softmax(logits);
    int best = -1;
    double bestScore = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < p.length; v++) {
      double score = logits[v];
      if (how.temperature() > 0) {
        int[] words = new int[4];
        Philox.block(seed, step, position, Philox.Purpose.GUMBEL, v / 4, words);
        score -= Math.log(-Math.log(Philox.uniform(words[v % 4])));
      }
      if (v != mask && (best < 0 || score > bestScore)) {
        best = v;
        bestScore = score;
      }
    }
    token = best;
  }

  private static void keep(int topK, double[] logits) {
    List<Integer> sorted = descending(logits);
    for (int rank = topK; rank < sorted.size(); rank++) {
      logits[sorted.get(rank)] = Double.NEGATIVE_INFINITY;
    }
  }

  double confidence() {
    return p[token];
  }

  double margin() {
    double[] sorted = p.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length - 1] - sorted[sorted.length - 2];
  }

  /** Dream's, with its constant. */
  double negativeEntropy() {
    double sum = 0;
    for (double each : p) {
      sum += each * Math.log(each + 1e-10);
    }
    return sum;
  }

  double entropy() {
    double sum = 0;
    for (double each : p) {
      sum -= each == 0 ? 0 : each * Math.log(each);
    }
    return sum;
  }

  int argmax() {
    int best = 0;
    for (int v = 1; v < p.length; v++) {
      best = p[v] > p[best] ? v : best;
    }
    return best;
  }

  private static List<Integer> descending(double[] logits) {
    List<Integer> ids = new ArrayList<>();
    for (int v = 0; v < logits.length; v++) {
      ids.add(v);
    }
    // Stable: equal logits stay in the order of their ids.
    ids.sort(Comparator.comparingDouble((Integer v) -> -logits[v]));
    return ids;
  }
}
