package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Vectors.FLOATS;
import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static dev.palimpsest.engine.backend.host.Vectors.load;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.backend.Ranking;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.IdSet;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * What is known of a row after some of its logits: folds in chunks of ascending ids, then other
 * folds of later ids, and ends as a {@link Prediction}.
 */
final class RowFold {
  private static final double HIGHEST_GUMBEL = gumbel(-1);
  private static final float NEGLIGIBLE = -100f;

  private int argmax;
  private float argmaxLogit;
  private int drawn;
  private double drawnScore;
  private float drawnLogit;
  private float top;
  private float second;
  private double sum;
  private double weightedSum;
  private float chunkSum;
  private float chunkWeightedSum;

  private final Ranking ranking = new Ranking();
  private final int[] random = new int[4];
  private float[] saved = {};

  void reset() {
    argmax = -1;
    argmaxLogit = Float.NEGATIVE_INFINITY;
    drawn = -1;
    drawnScore = Double.NEGATIVE_INFINITY;
    drawnLogit = Float.NEGATIVE_INFINITY;
    top = Float.NEGATIVE_INFINITY;
    second = Float.NEGATIVE_INFINITY;
    sum = 0;
    weightedSum = 0;
    ranking.reset();
  }

  /**
   * Folds in the logits of ids {@code [firstId, firstId + count)}.
   *
   * @param logits at byte {@code row}; overwritten; a multiple of {@value Arithmetic#LANES} is
   *     addressable
   * @param firstId a multiple of 4
   */
  void add(MemorySegment logits, long row, int firstId, int count, RowDraw how) {
    Draw draw = how.draw();
    for (int j = count; j % Arithmetic.LANES != 0; j++) {
      logits.set(JAVA_FLOAT, row + 4L * j, Float.NEGATIVE_INFINITY);
    }
    if (how.allowed().isPresent()) {
      hideOthers(logits, row, firstId, count, how.allowed().get());
    }
    hide(logits, row, firstId, count, draw.undrawn());
    findArgmax(logits, row, firstId, count);
    if (draw.temperature() > 0) {
      findDrawn(logits, row, firstId, count, how);
    }
    if (draw.alternatives() > 0) {
      rank(logits, row, firstId, count, draw.alternatives());
    }
    restore(logits, row, firstId, count, draw.undrawn());
    hide(logits, row, firstId, count, draw.uncounted());
    count(logits, row, count);
  }

  static void hideOthers(MemorySegment logits, long row, int firstId, int count, IdSet allowed) {
    for (int j = 0; j < count; j++) {
      if (!allowed.contains(firstId + j)) {
        logits.set(JAVA_FLOAT, row + 4L * j, Float.NEGATIVE_INFINITY);
      }
    }
  }

  private void hide(MemorySegment logits, long row, int firstId, int count, int[] ids) {
    if (saved.length < ids.length) {
      saved = Arrays.copyOf(saved, ids.length);
    }
    for (int i = 0; i < ids.length; i++) {
      int j = ids[i] - firstId;
      if (j >= 0 && j < count) {
        saved[i] = logits.get(JAVA_FLOAT, row + 4L * j);
        logits.set(JAVA_FLOAT, row + 4L * j, Float.NEGATIVE_INFINITY);
      }
    }
  }

  private void restore(MemorySegment logits, long row, int firstId, int count, int[] ids) {
    for (int i = ids.length - 1; i >= 0; i--) {
      int j = ids[i] - firstId;
      if (j >= 0 && j < count) {
        logits.set(JAVA_FLOAT, row + 4L * j, saved[i]);
      }
    }
  }

  private void findArgmax(MemorySegment logits, long row, int firstId, int count) {
    FloatVector highest = load(logits, row);
    for (int j = LANES; j < count; j += LANES) {
      highest = highest.max(load(logits, row + 4L * j));
    }
    float value = highest.reduceLanes(VectorOperators.MAX);
    if (value > argmaxLogit) {
      int j = 0;
      while (logits.get(JAVA_FLOAT, row + 4L * j) != value) {
        j++;
      }
      argmax = firstId + j;
      argmaxLogit = value;
    }
  }

  /** Gumbel-max; most ids are passed over because no noise could lift them above the best. */
  private void findDrawn(MemorySegment logits, long row, int firstId, int count, RowDraw how) {
    Draw draw = how.draw();
    double temperature = draw.temperature();
    double reach = temperature * HIGHEST_GUMBEL;
    int block = -1;
    for (int j = 0; j < count; j++) {
      float logit = logits.get(JAVA_FLOAT, row + 4L * j);
      if (logit + reach > drawnScore && logit > Float.NEGATIVE_INFINITY) {
        int id = firstId + j;
        if (id >> 2 != block) {
          block = id >> 2;
          Philox.block(
              draw.seed(), draw.step(), how.position(), Philox.Purpose.GUMBEL, block, random);
        }
        double score = logit + temperature * gumbel(random[id & 3]);
        if (score > drawnScore) {
          drawnScore = score;
          drawn = id;
          drawnLogit = logit;
        }
      }
    }
  }

  private void rank(MemorySegment logits, long row, int firstId, int count, int most) {
    ranking.keep(most);
    for (int j = 0; j < count; j++) {
      ranking.add(firstId + j, logits.get(JAVA_FLOAT, row + 4L * j));
    }
  }

  private static double gumbel(int word) {
    return -StrictMath.log(-StrictMath.log(Philox.uniform(word)));
  }

  /** The two highest and the softmax sums, in two passes. */
  private void count(MemorySegment logits, long row, int count) {
    FloatVector first = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    FloatVector next = first;
    for (int j = 0; j < count; j += LANES) {
      FloatVector x = load(logits, row + 4L * j);
      next = next.max(first.min(x));
      first = first.max(x);
    }
    float chunkTop = first.reduceLanes(VectorOperators.MAX);
    float chunkSecond = next.reduceLanes(VectorOperators.MAX);
    VectorMask<Float> holdTop = first.eq(chunkTop);
    if (holdTop.trueCount() > 1) {
      chunkSecond = chunkTop;
    } else {
      float others = first.blend(Float.NEGATIVE_INFINITY, holdTop).reduceLanes(VectorOperators.MAX);
      chunkSecond = Math.max(chunkSecond, others);
    }
    if (chunkTop == Float.NEGATIVE_INFINITY) {
      return;
    }
    sumUp(logits, row, count, chunkTop);
    combine(chunkTop, chunkSecond, chunkSum, chunkWeightedSum);
  }

  private void sumUp(MemorySegment logits, long row, int count, float chunkTop) {
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector e0 = zero;
    FloatVector e1 = zero;
    FloatVector e2 = zero;
    FloatVector e3 = zero;
    FloatVector w0 = zero;
    FloatVector w1 = zero;
    FloatVector w2 = zero;
    FloatVector w3 = zero;
    for (int j = 0; j < count; j += Arithmetic.LANES) {
      FloatVector x = load(logits, row + 4L * j).sub(chunkTop);
      FloatVector e = Vectors.exp(x);
      e0 = e0.add(e);
      w0 = e.fma(x.max(NEGLIGIBLE), w0);
      if (LANES < 16) {
        x = load(logits, row + 4L * (j + LANES)).sub(chunkTop);
        e = Vectors.exp(x);
        e1 = e1.add(e);
        w1 = e.fma(x.max(NEGLIGIBLE), w1);
      }
      if (LANES < 8) {
        x = load(logits, row + 4L * (j + 2 * LANES)).sub(chunkTop);
        e = Vectors.exp(x);
        e2 = e2.add(e);
        w2 = e.fma(x.max(NEGLIGIBLE), w2);
        x = load(logits, row + 4L * (j + 3 * LANES)).sub(chunkTop);
        e = Vectors.exp(x);
        e3 = e3.add(e);
        w3 = e.fma(x.max(NEGLIGIBLE), w3);
      }
    }
    chunkSum = Vectors.sum(e0, e1, e2, e3);
    chunkWeightedSum = Vectors.sum(w0, w1, w2, w3);
  }

  /** Sums of {@code e^(x - max)} and of {@code (x - max) · e^(x - max)} under a common maximum. */
  private void combine(
      float otherTop, float otherSecond, double otherSum, double otherWeightedSum) {
    if (otherTop == Float.NEGATIVE_INFINITY) {
      return;
    }
    float newTop = Math.max(top, otherTop);
    second = Math.max(Math.min(top, otherTop), Math.max(second, otherSecond));
    double down = top == Float.NEGATIVE_INFINITY ? 0 : top - newTop;
    double otherDown = otherTop - newTop;
    double factor = StrictMath.exp(down);
    double otherFactor = StrictMath.exp(otherDown);
    weightedSum =
        factor * (weightedSum + down * sum)
            + otherFactor * (otherWeightedSum + otherDown * otherSum);
    sum = factor * sum + otherFactor * otherSum;
    top = newTop;
  }

  /** Folds in what is known of later ids. */
  void merge(RowFold later) {
    if (later.argmaxLogit > argmaxLogit) {
      argmax = later.argmax;
      argmaxLogit = later.argmaxLogit;
    }
    if (later.drawnScore > drawnScore) {
      drawn = later.drawn;
      drawnScore = later.drawnScore;
      drawnLogit = later.drawnLogit;
    }
    combine(later.top, later.second, later.sum, later.weightedSum);
    ranking.merge(later.ranking);
  }

  /**
   * The row's scalars.
   *
   * @throws ArithmeticException if the logits are not finite
   */
  Prediction prediction(Draw draw) {
    double logSumExp = top + StrictMath.log(sum);
    if (!Double.isFinite(logSumExp) || argmax < 0) {
      throw new ArithmeticException(
          "a row of logits has the maximum "
              + top
              + " and the softmax sum "
              + sum
              + " where finite numbers are expected: the model's weights are damaged, or no id may be"
              + " drawn");
    }
    boolean noisy = draw.temperature() > 0;
    int token = noisy ? drawn : argmax;
    float logit = noisy ? drawnLogit : argmaxLogit;
    double probability = contains(draw.uncounted(), token) ? 0 : StrictMath.exp(logit - top) / sum;
    return new Prediction(
        token,
        probability,
        argmax,
        1 / sum,
        StrictMath.exp(second - top) / sum,
        logSumExp,
        Math.max(0, StrictMath.log(sum) - weightedSum / sum),
        ranking.alternatives(each -> StrictMath.exp(each - top) / sum, draw.uncounted()));
  }

  private static boolean contains(int[] ids, int id) {
    for (int each : ids) {
      if (each == id) {
        return true;
      }
    }
    return false;
  }
}
