package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Router;
import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.SamplingFilter;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/** The operations as plain loops in double precision. */
final class Reference {
  private Reference() {}

  static double[][] rmsNorm(float[][] x, float[] gain, double epsilon) {
    double[][] result = new double[x.length][gain.length];
    for (int row = 0; row < x.length; row++) {
      double scale = 1 / Math.sqrt(square(x[row]) / gain.length + epsilon);
      for (int i = 0; i < gain.length; i++) {
        result[row][i] = x[row][i] * scale * gain[i];
      }
    }
    return result;
  }

  static double[][] linear(float[][] x, float[][] w) {
    double[][] result = new double[x.length][w.length];
    for (int row = 0; row < x.length; row++) {
      for (int column = 0; column < w.length; column++) {
        double sum = 0;
        for (int i = 0; i < w[column].length; i++) {
          sum += (double) x[row][i] * w[column][i];
        }
        result[row][column] = sum;
      }
    }
    return result;
  }

  /** The largest sum of a row's products, were they all of one sign. */
  static double productScale(float[] x, float[][] w) {
    double widest = 0;
    for (float[] column : w) {
      widest = Math.max(widest, square(column));
    }
    return Math.sqrt(square(x) * widest);
  }

  private static double square(float[] x) {
    double sum = 0;
    for (float value : x) {
      sum += (double) value * value;
    }
    return sum;
  }

  static double[][] rotate(float[][] x, int headSize, int[] positions, float[][] table) {
    double[][] result = new double[x.length][x[0].length];
    int half = headSize / 2;
    for (int row = 0; row < x.length; row++) {
      float[] angles = table[positions[row]];
      for (int head = 0; head < x[row].length; head += headSize) {
        for (int i = 0; i < half; i++) {
          double cos = angles[i];
          double sin = angles[half + i];
          double a = x[row][head + i];
          double b = x[row][head + half + i];
          result[row][head + i] = a * cos - b * sin;
          result[row][head + half + i] = b * cos + a * sin;
        }
      }
    }
    return result;
  }

  static double[][] attention(
      float[][] q,
      float[][] k,
      float[][] v,
      int headSize,
      int[] queryStarts,
      int[] keyStarts,
      int[] limits,
      int window) {
    int heads = q[0].length / headSize;
    int group = heads / (k[0].length / headSize);
    double[][] result = new double[q.length][q[0].length];
    for (int sequence = 0; sequence + 1 < queryStarts.length; sequence++) {
      int first = keyStarts[sequence];
      for (int row = queryStarts[sequence]; row < queryStarts[sequence + 1]; row++) {
        double[] weights = new double[limits[row]];
        for (int head = 0; head < heads; head++) {
          int at = head * headSize;
          int keyAt = head / group * headSize;
          for (int j = 0; j < weights.length; j++) {
            double dot = 0;
            for (int i = 0; i < headSize; i++) {
              dot += (double) q[row][at + i] * k[first + j][keyAt + i];
            }
            boolean isSeen = weights.length - j <= window;
            weights[j] = isSeen ? dot / Math.sqrt(headSize) : Double.NEGATIVE_INFINITY;
          }
          double highest = Arrays.stream(weights).max().orElseThrow();
          double total = 0;
          for (int j = 0; j < weights.length; j++) {
            weights[j] = Math.exp(weights[j] - highest);
            total += weights[j];
          }
          for (int j = 0; j < weights.length; j++) {
            for (int i = 0; i < headSize; i++) {
              result[row][at + i] += weights[j] / total * v[first + j][keyAt + i];
            }
          }
        }
      }
    }
    return result;
  }

  static double[][] swiGlu(float[][] gateUp) {
    int inner = gateUp[0].length / 2;
    double[][] result = new double[gateUp.length][inner];
    for (int row = 0; row < gateUp.length; row++) {
      for (int i = 0; i < inner; i++) {
        double gate = gateUp[row][i];
        result[row][i] = gate / (1 + Math.exp(-gate)) * gateUp[row][inner + i];
      }
    }
    return result;
  }

  /** A mixture of experts, every row and every expert on its own. */
  static double[][] experts(
      float[][] x,
      float[][] before,
      float[][] scores,
      float[] bias,
      Experts experts,
      float[][] gateUp,
      float[][] down) {
    int hidden = x[0].length;
    int width = experts.width();
    double[][] result = new double[x.length][hidden];
    for (int row = 0; row < x.length; row++) {
      double[] weights = expertWeights(scores[row], bias, experts);
      for (int i = 0; i < hidden; i++) {
        result[row][i] = before[row][i];
      }
      for (int expert = 0; expert < weights.length; expert++) {
        if (weights[expert] != 0) {
          float[][] own = {x[row]};
          int up = expert * 2 * width;
          double[][] both = linear(own, Arrays.copyOfRange(gateUp, up, up + 2 * width));
          for (int i = 0; i < hidden; i++) {
            double sum = 0;
            for (int j = 0; j < width; j++) {
              double gate = both[0][j];
              sum +=
                  gate / (1 + Math.exp(-gate)) * both[0][width + j] * down[expert * hidden + i][j];
            }
            result[row][i] += weights[expert] * sum;
          }
        }
      }
    }
    return result;
  }

  /**
   * For every output of {@link #experts}, what its rounding errors are shares of: the sum of the
   * magnitudes of its terms, each with the magnitudes that gate and up were summed from.
   */
  static double[][] expertMagnitudes(
      float[][] x,
      float[][] before,
      float[][] scores,
      float[] bias,
      Experts experts,
      float[][] gateUp,
      float[][] down) {
    int width = experts.width();
    double[][] result = new double[x.length][x[0].length];
    for (int row = 0; row < x.length; row++) {
      double[] weights = expertWeights(scores[row], bias, experts);
      float[][] own = {x[row]};
      double[] both = linear(own, gateUp)[0];
      double[] sizes = linear(magnitudes(own), magnitudes(gateUp))[0];
      for (int i = 0; i < x[0].length; i++) {
        result[row][i] = Math.abs(before[row][i]);
        for (int expert = 0; expert < weights.length; expert++) {
          for (int j = 0; j < width; j++) {
            int gate = expert * 2 * width + j;
            int up = gate + width;
            double silu = Math.abs(both[gate] / (1 + Math.exp(-both[gate])));
            double size =
                silu * Math.abs(both[up])
                    + 1.1 * sizes[gate] * Math.abs(both[up])
                    + silu * sizes[up];
            int hidden = x[0].length;
            result[row][i] += weights[expert] * size * Math.abs(down[expert * hidden + i][j]);
          }
        }
      }
    }
    return result;
  }

  private static float[][] magnitudes(float[][] matrix) {
    float[][] result = new float[matrix.length][];
    for (int row = 0; row < matrix.length; row++) {
      result[row] = matrix[row].clone();
      for (int i = 0; i < result[row].length; i++) {
        result[row][i] = Math.abs(result[row][i]);
      }
    }
    return result;
  }

  /** The weight of every expert; 0 for those not chosen. */
  private static double[] expertWeights(float[] scores, float[] bias, Experts experts) {
    int count = scores.length;
    double[] share = new double[count];
    double[] rank = new double[count];
    double sum = 0;
    for (int i = 0; i < count; i++) {
      boolean softmax = !(experts.router() instanceof Router.GroupedSigmoid);
      share[i] = softmax ? Math.exp(scores[i]) : 1 / (1 + Math.exp(-scores[i]));
      rank[i] = share[i] + (bias.length == 0 ? 0 : bias[i]);
      sum += share[i];
    }
    boolean[] open = new boolean[count];
    Arrays.fill(open, true);
    if (experts.router() instanceof Router.GroupedSigmoid router) {
      int size = count / router.groups();
      Integer[] groups = IntStream.range(0, router.groups()).boxed().toArray(Integer[]::new);
      Arrays.sort(
          groups,
          Comparator.comparingDouble(
              group ->
                  -Arrays.stream(rank, group * size, (group + 1) * size)
                      .map(value -> -value)
                      .sorted()
                      .limit(2)
                      .map(value -> -value)
                      .sum()));
      Arrays.fill(open, false);
      for (int i = 0; i < router.keptGroups(); i++) {
        Arrays.fill(open, groups[i] * size, (groups[i] + 1) * size, true);
      }
    }
    int[] best =
        IntStream.range(0, count)
            .filter(i -> open[i])
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -rank[i]))
            .limit(experts.perToken())
            .mapToInt(Integer::intValue)
            .toArray();
    double chosen = Arrays.stream(best).mapToDouble(i -> share[i]).sum();
    double[] weights = new double[count];
    for (int i : best) {
      weights[i] =
          switch (experts.router()) {
            case Router.Softmax(boolean normalized) -> share[i] / (normalized ? chosen : sum);
            case Router.ScaledSoftmax _ -> share[i] / chosen;
            case Router.GroupedSigmoid router -> share[i] / chosen * router.scale();
          };
    }
    return weights;
  }

  /** The id that a row draws: every id's score is computed, none is passed over. */
  static int drawn(double[] logits, RowDraw how) {
    Draw draw = how.draw();
    int[] random = new int[4];
    int best = -1;
    double bestScore = Double.NEGATIVE_INFINITY;
    for (int id = 0; id < logits.length; id++) {
      double score = logits[id];
      if (draw.temperature() > 0) {
        Philox.block(
            draw.seed(), draw.step(), how.position(), Philox.Purpose.GUMBEL, id / 4, random);
        double uniform = Philox.uniform(random[id % 4]);
        score += draw.temperature() * -StrictMath.log(-StrictMath.log(uniform));
      }
      if (!contains(draw.undrawn(), id) && score > bestScore) {
        best = id;
        bestScore = score;
      }
    }
    return best;
  }

  /**
   * A filtered row is an unfiltered one of the logits over the temperature that the filter keeps.
   */
  private static Prediction filtered(double[] logits, RowDraw how) {
    Draw draw = how.draw();
    SamplingFilter filter = draw.filter().orElseThrow();
    double temperature = draw.temperature() > 0 ? draw.temperature() : 1;
    double[] kept = new double[logits.length];
    Arrays.fill(kept, Double.NEGATIVE_INFINITY);
    int[] ranked =
        IntStream.range(0, logits.length)
            .filter(id -> !contains(draw.undrawn(), id) && !contains(draw.uncounted(), id))
            .boxed()
            .sorted(Comparator.comparingDouble((Integer id) -> -logits[id]).thenComparing(id -> id))
            .mapToInt(Integer::intValue)
            .toArray();
    double highest = logits[ranked[0]];
    double total =
        Arrays.stream(ranked)
            .limit(
                filter.order() == SamplingFilter.Order.TOP_K_FIRST ? filter.topK() : ranked.length)
            .mapToDouble(id -> Math.exp((logits[id] - highest) / temperature))
            .sum();
    double before = 0;
    for (int rank = 0; rank < ranked.length; rank++) {
      int id = ranked[rank];
      if (rank < filter.topK() && (filter.topP() == 1 || before <= filter.topP() * total)) {
        kept[id] = logits[id] / temperature;
      }
      before += Math.exp((logits[id] - highest) / temperature);
    }
    Draw tempered =
        new Draw(
            draw.temperature() > 0 ? 1 : 0,
            Optional.empty(),
            draw.seed(),
            draw.step(),
            new int[0],
            new int[0]);
    tempered = tempered.naming(draw.alternatives());
    return prediction(kept, new RowDraw(tempered, how.position()));
  }

  static Prediction prediction(double[] logits, RowDraw how) {
    Draw draw = how.draw();
    if (draw.filter().isPresent()) {
      return filtered(logits, how);
    }
    double[] counted =
        IntStream.range(0, logits.length)
            .mapToDouble(
                id -> contains(draw.uncounted(), id) ? Double.NEGATIVE_INFINITY : logits[id])
            .toArray();
    double top = Arrays.stream(counted).max().orElseThrow();
    double sum = Arrays.stream(counted).map(logit -> Math.exp(logit - top)).sum();
    double logSumExp = top + Math.log(sum);
    double entropy =
        -Arrays.stream(counted)
            .map(logit -> logit - logSumExp)
            .filter(Double::isFinite)
            .map(log -> log * Math.exp(log))
            .sum();
    double[] sorted = Arrays.stream(counted).sorted().toArray();
    double second = sorted.length > 1 ? sorted[sorted.length - 2] : Double.NEGATIVE_INFINITY;
    int token = drawn(logits, how);
    int argmax =
        drawn(
            logits,
            new RowDraw(
                new Draw(0, Optional.empty(), 0, 0, draw.undrawn(), draw.uncounted()),
                how.position()));
    return new Prediction(
        token,
        Math.exp(counted[token] - logSumExp),
        argmax,
        Math.exp(top - logSumExp),
        Math.exp(second - logSumExp),
        logSumExp,
        entropy,
        alternatives(logits, counted, logSumExp, draw));
  }

  private static List<Alternative> alternatives(
      double[] logits, double[] counted, double logSumExp, Draw draw) {
    return IntStream.range(0, logits.length)
        .filter(id -> !contains(draw.undrawn(), id) && Double.isFinite(logits[id]))
        .boxed()
        .sorted(Comparator.comparingDouble((Integer id) -> -logits[id]).thenComparing(id -> id))
        .limit(draw.alternatives())
        .map(id -> new Alternative(id, Math.exp(counted[id] - logSumExp)))
        .toList();
  }

  private static boolean contains(int[] ids, int id) {
    return Arrays.stream(ids).anyMatch(each -> each == id);
  }

  /** Equal ids; scalars within {@code tolerance}. */
  static void assertClose(Prediction found, Prediction expected, double tolerance) {
    assertThat(found.token()).as("token").isEqualTo(expected.token());
    assertThat(found.argmax()).as("argmax").isEqualTo(expected.argmax());
    assertThat(found.alternatives()).hasSameSizeAs(expected.alternatives());
    for (int rank = 0; rank < found.alternatives().size(); rank++) {
      Alternative one = found.alternatives().get(rank);
      Alternative other = expected.alternatives().get(rank);
      assertThat(one.token()).as("alternative %d", rank).isEqualTo(other.token());
      assertThat(one.probability()).isCloseTo(other.probability(), within(tolerance));
    }
    assertScalarsClose(found, expected, tolerance);
    assertThat(found.probability()).isCloseTo(expected.probability(), within(tolerance));
  }

  static void assertScalarsClose(Prediction found, Prediction expected, double tolerance) {
    assertThat(found.top()).as("top").isCloseTo(expected.top(), within(tolerance));
    assertThat(found.second()).as("second").isCloseTo(expected.second(), within(tolerance));
    assertThat(found.logSumExp())
        .as("logSumExp")
        .isCloseTo(
            expected.logSumExp(), within(tolerance * Math.max(1, Math.abs(expected.logSumExp()))));
    assertThat(found.entropy()).as("entropy").isCloseTo(expected.entropy(), within(10 * tolerance));
  }
}
