package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Router;
import java.util.Arrays;

/** Chooses the experts of one row, in double precision: a function of that row's scores alone. */
final class Routing {
  private static final double TINY = 1e-20;

  private Routing() {}

  /**
   * Chooses and weighs the experts of a row.
   *
   * @param scores the router's products, [experts]
   * @param bias of the choice, [experts], or empty
   * @param scale of the weights, [experts], or empty
   * @param chosen receives the experts, ascending, from {@code at} on
   * @param weights receives theirs
   */
  static void choose(
      float[] scores,
      float[] bias,
      float[] scale,
      Experts experts,
      int[] chosen,
      float[] weights,
      int at) {
    double[] shares = new double[experts.count()];
    double[] ranking =
        switch (experts.router()) {
          case Router.Softmax _, Router.ScaledSoftmax _ -> softmax(scores, shares);
          case Router.GroupedSigmoid sigmoid -> grouped(scores, bias, sigmoid, shares);
        };
    int[] best = best(ranking, experts.perToken());
    Arrays.sort(best);
    double sum = 0;
    for (int expert : best) {
      sum += shares[expert];
    }
    double factor =
        switch (experts.router()) {
          case Router.Softmax softmax -> softmax.normalized() ? 1 / sum : 1;
          case Router.ScaledSoftmax _ -> 1 / sum;
          case Router.GroupedSigmoid sigmoid -> sigmoid.scale() / (sum + TINY);
        };
    for (int i = 0; i < best.length; i++) {
      chosen[at + i] = best[i];
      double own = scale.length == 0 ? factor : factor * scale[best[i]];
      weights[at + i] = (float) (shares[best[i]] * own);
    }
  }

  private static double[] softmax(float[] scores, double[] shares) {
    double highest = Double.NEGATIVE_INFINITY;
    for (float score : scores) {
      highest = Math.max(highest, score);
    }
    double sum = 0;
    for (int i = 0; i < shares.length; i++) {
      shares[i] = StrictMath.exp(scores[i] - highest);
      sum += shares[i];
    }
    double[] ranking = new double[shares.length];
    for (int i = 0; i < shares.length; i++) {
      shares[i] /= sum;
      ranking[i] = scores[i];
    }
    return ranking;
  }

  private static double[] grouped(
      float[] scores, float[] bias, Router.GroupedSigmoid router, double[] shares) {
    double[] ranking = new double[scores.length];
    for (int i = 0; i < scores.length; i++) {
      shares[i] = 1 / (1 + StrictMath.exp(-scores[i]));
      ranking[i] = shares[i] + (bias.length == 0 ? 0 : bias[i]);
    }
    int size = scores.length / router.groups();
    double[] groups = new double[router.groups()];
    for (int group = 0; group < groups.length; group++) {
      double[] own = Arrays.copyOfRange(ranking, group * size, (group + 1) * size);
      int[] two = best(own, 2);
      groups[group] = own[two[0]] + own[two[1]];
    }
    boolean[] kept = new boolean[groups.length];
    for (int group : best(groups, router.keptGroups())) {
      kept[group] = true;
    }
    for (int i = 0; i < ranking.length; i++) {
      ranking[i] = kept[i / size] ? ranking[i] : Double.NEGATIVE_INFINITY;
    }
    return ranking;
  }

  /** The indices of the highest values; ties go to the lower index. */
  private static int[] best(double[] values, int count) {
    boolean[] taken = new boolean[values.length];
    int[] best = new int[count];
    for (int i = 0; i < count; i++) {
      int highest = -1;
      for (int j = 0; j < values.length; j++) {
        if (!taken[j] && (highest < 0 || values[j] > values[highest])) {
          highest = j;
        }
      }
      taken[highest] = true;
      best[i] = highest;
    }
    return best;
  }
}
