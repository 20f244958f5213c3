package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Vectors.FLOATS;
import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static dev.palimpsest.engine.backend.host.Vectors.load;
import static dev.palimpsest.engine.backend.host.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.SamplingFilter;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Reduces a whole row of logits under a {@link SamplingFilter}: what the filter leaves out becomes
 * minus infinity, what remains is divided by the temperature, and a {@link RowFold} does the rest.
 *
 * <p>Dream ranks by {@code sum p · log(p + 1e-10)}; the entropy here has no such constant, which
 * moves it by less than 1e-10 for every id.
 */
final class FilteredRow {
  private static final int[] NONE = {};

  /**
   * Logits are ranked band by band, so far below the highest in units of the temperature; most
   * filters end within the first.
   */
  private static final double[] BANDS = {8, 32, Double.POSITIVE_INFINITY};

  /** Sums are carried in double after so many logits. */
  private static final int LOGITS_A_SUM = 64 * Arithmetic.LANES;

  private final RowFold fold = new RowFold();
  private long[] band = new long[256];

  /**
   * The row's scalars.
   *
   * @param logits at byte {@code row}; overwritten; a multiple of {@value Arithmetic#LANES} is
   *     addressable
   * @throws ArithmeticException if the logits are not finite or nothing may be drawn
   */
  Prediction prediction(MemorySegment logits, long row, int ids, RowDraw how) {
    Draw draw = how.draw();
    SamplingFilter filter = draw.filter().orElseThrow();
    for (int j = ids; j % Arithmetic.LANES != 0; j++) {
      hide(logits, row, j);
    }
    hide(logits, row, ids, draw.undrawn());
    hide(logits, row, ids, draw.uncounted());
    how.allowed().ifPresent(allowed -> RowFold.hideOthers(logits, row, 0, ids, allowed));
    float top = highest(logits, row, ids);
    boolean noisy = draw.temperature() > 0;
    double temperature = noisy ? draw.temperature() : 1;
    if (filter.topP() < 1 || filter.topK() < ids) {
      cut(logits, row, ids, top, temperature, filter);
    }
    temper(logits, row, ids, top, (float) (1 / temperature));
    fold.reset();
    Draw tempered =
        new Draw(noisy ? 1 : 0, Optional.empty(), draw.seed(), draw.step(), NONE, NONE)
            .naming(draw.alternatives());
    fold.add(logits, row, 0, ids, new RowDraw(tempered, how.position()));
    Prediction found = fold.prediction(tempered);
    return new Prediction(
        found.token(),
        found.probability(),
        found.argmax(),
        found.top(),
        found.second(),
        found.logSumExp() + top / temperature,
        found.entropy(),
        found.alternatives());
  }

  private static void hide(MemorySegment logits, long row, int ids, int[] hidden) {
    for (int id : hidden) {
      if (id < ids) {
        hide(logits, row, id);
      }
    }
  }

  private static void hide(MemorySegment logits, long row, int id) {
    logits.set(JAVA_FLOAT, row + 4L * id, Float.NEGATIVE_INFINITY);
  }

  private static float highest(MemorySegment logits, long row, int ids) {
    FloatVector highest = load(logits, row);
    for (int j = LANES; j < ids; j += LANES) {
      highest = highest.max(load(logits, row + 4L * j));
    }
    return highest.reduceLanes(VectorOperators.MAX);
  }

  /** Hides every id that the nucleus or the top k leave out. */
  private void cut(
      MemorySegment logits,
      long row,
      int ids,
      float top,
      double temperature,
      SamplingFilter filter) {
    if (filter.order() == SamplingFilter.Order.TOP_K_FIRST
        && filter.topK() < ids
        && filter.topP() < 1) {
      cut(logits, row, ids, top, temperature, new SamplingFilter(filter.topK(), 1));
      cut(logits, row, ids, top, temperature, new SamplingFilter(ids, filter.topP()));
      return;
    }
    double bound =
        filter.topP() < 1
            ? filter.topP() * sum(logits, row, ids, top, temperature)
            : Double.MAX_VALUE;
    double before = 0;
    int rank = 0;
    float upper = Float.POSITIVE_INFINITY;
    for (double width : BANDS) {
      float lower = (float) (top - width * temperature);
      int count = rankBand(logits, row, ids, lower, upper);
      for (int i = 0; i < count; i++) {
        if (rank == filter.topK() || before > bound) {
          hideFrom(logits, row, ids, band[i]);
          return;
        }
        int id = (int) band[i];
        float logit = logits.get(JAVA_FLOAT, row + 4L * id);
        before += StrictMath.exp(((double) logit - top) / temperature);
        rank++;
      }
      upper = lower;
    }
  }

  /** Sum of {@code e^((x - top) / temperature)}. */
  private static double sum(
      MemorySegment logits, long row, int ids, float top, double temperature) {
    float inverse = (float) (1 / temperature);
    double total = 0;
    for (int from = 0; from < ids; from += LOGITS_A_SUM) {
      total += sum(logits, row, from, Math.min(ids, from + LOGITS_A_SUM), top, inverse);
    }
    return total;
  }

  private static float sum(
      MemorySegment logits, long row, int from, int to, float top, float inverse) {
    FloatVector s0 = FloatVector.zero(FLOATS);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int j = from; j < to; j += Arithmetic.LANES) {
      s0 = s0.add(exp(logits, row, j, top, inverse));
      if (LANES < 16) {
        s1 = s1.add(exp(logits, row, j + LANES, top, inverse));
      }
      if (LANES < 8) {
        s2 = s2.add(exp(logits, row, j + 2 * LANES, top, inverse));
        s3 = s3.add(exp(logits, row, j + 3 * LANES, top, inverse));
      }
    }
    return Vectors.sum(s0, s1, s2, s3);
  }

  private static FloatVector exp(MemorySegment logits, long row, int j, float top, float inverse) {
    return Vectors.exp(load(logits, row + 4L * j).sub(top).mul(inverse));
  }

  /** Puts the ids with logits in {@code (lower, upper]} into the band, highest first. */
  private int rankBand(MemorySegment logits, long row, int ids, float lower, float upper) {
    int count = 0;
    for (int id = 0; id < ids; id++) {
      float logit = logits.get(JAVA_FLOAT, row + 4L * id);
      if (logit > lower && logit <= upper) {
        if (count == band.length) {
          band = Arrays.copyOf(band, 2 * count);
        }
        band[count++] = key(logit, id);
      }
    }
    Arrays.sort(band, 0, count);
    return count;
  }

  /** Ascending keys are descending logits, and equal logits are ascending ids. */
  private static long key(float logit, int id) {
    int bits = Float.floatToIntBits(logit + 0f);
    int ascending = bits ^ ((bits >> 31) & 0x7FFFFFFF);
    return ((long) ~ascending << 32) | id;
  }

  private static void hideFrom(MemorySegment logits, long row, int ids, long first) {
    for (int id = 0; id < ids; id++) {
      float logit = logits.get(JAVA_FLOAT, row + 4L * id);
      if (logit > Float.NEGATIVE_INFINITY && key(logit, id) >= first) {
        hide(logits, row, id);
      }
    }
  }

  private static void temper(MemorySegment logits, long row, int ids, float top, float inverse) {
    for (int j = 0; j < ids; j += LANES) {
      store(load(logits, row + 4L * j).sub(top).mul(inverse), logits, row + 4L * j);
    }
  }
}
