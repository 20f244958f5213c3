package dev.palimpsest.sampler.method;

import dev.palimpsest.step.Philox;

/**
 * LLaDA's draw as plainly as its formula: the argmax of logits with Gumbel noise, and the
 * confidence of what is drawn in the softmax without noise or temperature. The mask, id 0, is not
 * drawn.
 */
record PlainDraw(int token, double confidence, double entropy) {
  private static final int MASK = 0;

  PlainDraw(float[] row, double temperature, long seed, int step, int position) {
    this(
        token(row, temperature, seed, step, position),
        ReferenceLlada.softmax(doubles(row))[token(row, temperature, seed, step, position)],
        entropy(ReferenceLlada.softmax(doubles(row))));
  }

  private static int token(float[] row, double temperature, long seed, int step, int position) {
    int best = -1;
    double bestScore = Double.NEGATIVE_INFINITY;
    for (int v = 0; v < row.length; v++) {
      double score = row[v];
      if (temperature > 0) {
        int[] words = new int[4];
        Philox.block(seed, step, position, Philox.Purpose.GUMBEL, v / 4, words);
        score -= temperature * Math.log(-Math.log(Philox.uniform(words[v % 4])));
      }
      if (v != MASK && score > bestScore) {
        best = v;
        bestScore = score;
      }
    }
    return best;
  }

  private static double entropy(double[] p) {
    double sum = 0;
    for (double each : p) {
      sum -= each > 0 ? each * Math.log(each) : 0;
    }
    return sum;
  }

  private static double[] doubles(float[] row) {
    double[] all = new double[row.length];
    for (int v = 0; v < row.length; v++) {
      all[v] = row[v];
    }
    return all;
  }
}
