package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static dev.palimpsest.engine.backend.host.Vectors.load;
import static dev.palimpsest.engine.backend.host.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.backend.Activation;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Softmax attention with an online softmax (Milakov and Gimelshein, 2018; Dao et al., 2022): tiles
 * of 24 queries by 128 keys, never a matrix of all scores.
 *
 * <p>A tile has 4 rows or a multiple of 6, which come out alike; what stands in those beyond the
 * last query is never read. Keys and the columns of values are multiplied in multiples of 16, of
 * which what lies beyond is never read either; a key that a query does not see has the weight 0,
 * which changes no bit of the sums. So a query's bits depend on the keys that it sees and on
 * nothing else: not on how many follow, nor on which other queries there are.
 */
final class Attention {
  private static final int QUERY_TILE = Linear.ROW_TILE;
  private static final int KEY_TILE = 128;
  private static final int STEP = Linear.STEP;

  private final Workers workers;
  private final Scratch[] scratch;
  private final Gemm gemm;
  private final float[][] maxima;
  private final float[][] sums;

  Attention(Workers workers, Scratch[] scratch, Gemm gemm) {
    this.workers = workers;
    this.scratch = scratch;
    this.gemm = gemm;
    maxima = new float[workers.count()][QUERY_TILE];
    sums = new float[workers.count()][QUERY_TILE];
  }

  void attend(
      MemorySegment step,
      Activation q,
      Activation k,
      Activation v,
      int headSize,
      int[] queryStarts,
      int[] keyStarts,
      int[] limits,
      Activation out) {
    int heads = q.columns() / headSize;
    int group = q.columns() / k.columns();
    int sequences = queryStarts.length - 1;
    workers.run(
        sequences * heads,
        (task, worker) -> {
          int sequence = task / heads;
          int head = task % heads;
          Activation queries = q.columns(head * headSize, headSize);
          Activation results = out.columns(head * headSize, headSize);
          Activation keys = k.columns(head / group * headSize, headSize);
          Activation values = v.columns(head / group * headSize, headSize);
          int end = queryStarts[sequence + 1];
          for (int row = queryStarts[sequence]; row < end; row += QUERY_TILE) {
            int rows = Math.min(QUERY_TILE, end - row);
            tile(
                step,
                queries,
                row,
                rows,
                keys,
                values,
                keyStarts[sequence],
                keyStarts[sequence + 1],
                limits,
                results,
                worker);
          }
        });
  }

  private void tile(
      MemorySegment step,
      Activation q,
      int row,
      int rows,
      Activation k,
      Activation v,
      int firstKey,
      int lastKey,
      int[] limits,
      Activation out,
      int worker) {
    int size = q.columns();
    int tile = Linear.padded(rows);
    int width = Math.ceilDiv(size, STEP) * STEP;
    long matrixBytes = 4L * QUERY_TILE * width;
    long sum = matrixBytes;
    long scores = 2 * matrixBytes;
    long widened = scores + 4L * QUERY_TILE * KEY_TILE;
    boolean isNarrow = v.stride() < width;
    MemorySegment memory =
        scratch[worker].atLeast(widened + (isNarrow ? 4L * KEY_TILE * width : 0));
    float scale = (float) (1 / Math.sqrt(size));
    for (int i = 0; i < rows; i++) {
      scale(step, 4 * q.row(row + i), scale, memory, 4L * i * size, size);
    }
    clear(memory, sum, tile * width);
    int seen = mostSeen(limits, row, rows);
    float[] max = maxima[worker];
    float[] total = sums[worker];
    Arrays.fill(max, Float.NEGATIVE_INFINITY);
    Arrays.fill(total, 0);
    for (int key = firstKey; key < firstKey + seen; key += KEY_TILE) {
      int keys = Math.min(KEY_TILE, lastKey - key);
      int scored = Math.ceilDiv(keys, STEP) * STEP;
      gemm.timesTransposed(
          tile,
          scored,
          size,
          memory,
          0,
          size,
          step,
          4 * k.row(key),
          k.stride(),
          0,
          memory,
          scores,
          KEY_TILE);
      for (int i = 0; i < rows; i++) {
        long scoreRow = scores + 4L * i * KEY_TILE;
        hide(memory, scoreRow, Math.max(0, firstKey + limits[row + i] - key), scored);
        float highest = Math.max(max[i], highest(memory, scoreRow, scored));
        float shrink = (float) StrictMath.exp(max[i] - highest);
        total[i] = total[i] * shrink + exponentials(memory, scoreRow, scored, highest);
        max[i] = highest;
        scale(memory, sum + 4L * i * width, shrink, memory, sum + 4L * i * width, size);
      }
      if (isNarrow) {
        for (int j = 0; j < keys; j++) {
          MemorySegment.copy(step, 4 * v.row(key + j), memory, widened + 4L * j * width, 4L * size);
        }
      }
      gemm.times(
          tile,
          width,
          keys,
          memory,
          scores,
          KEY_TILE,
          isNarrow ? memory : step,
          isNarrow ? widened : 4 * v.row(key),
          isNarrow ? width : v.stride(),
          1,
          memory,
          sum,
          width);
    }
    for (int i = 0; i < rows; i++) {
      scale(memory, sum + 4L * i * width, 1 / total[i], step, 4 * out.row(row + i), size);
    }
  }

  /** The most keys that one of the queries sees. */
  private static int mostSeen(int[] limits, int row, int rows) {
    int most = 0;
    for (int i = row; i < row + rows; i++) {
      most = Math.max(most, limits[i]);
    }
    return most;
  }

  private static void clear(MemorySegment memory, long at, int count) {
    for (int i = 0; i < count; i++) {
      memory.set(JAVA_FLOAT, at + 4L * i, 0);
    }
  }

  /** Takes the keys from {@code seen} on out of the softmax. */
  private static void hide(MemorySegment scores, long row, int seen, int keys) {
    for (int j = seen; j < keys; j++) {
      scores.set(JAVA_FLOAT, row + 4L * j, Float.NEGATIVE_INFINITY);
    }
  }

  /** The row's maximum. */
  private static float highest(MemorySegment scores, long row, int keys) {
    FloatVector highest = load(scores, row);
    for (int j = LANES; j < keys; j += LANES) {
      highest = highest.max(load(scores, row + 4L * j));
    }
    return highest.reduceLanes(VectorOperators.MAX);
  }

  /** Replaces the row by {@code exp(score - highest)} and returns its sum. */
  private static float exponentials(MemorySegment scores, long row, int keys, float highest) {
    FloatVector total = FloatVector.zero(Vectors.FLOATS);
    for (int j = 0; j < keys; j += LANES) {
      FloatVector weight = Vectors.exp(load(scores, row + 4L * j).sub(highest));
      store(weight, scores, row + 4L * j);
      total = total.add(weight);
    }
    return Vectors.sum(total);
  }

  /** Also turns -0 into 0, so that a key of weight 0 leaves no trace. */
  private static void scale(
      MemorySegment source, long from, float factor, MemorySegment target, long to, int count) {
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
      store(load(source, from + 4L * i).mul(factor).add(0f), target, to + 4L * i);
    }
    for (; i < count; i++) {
      target.set(JAVA_FLOAT, to + 4L * i, source.get(JAVA_FLOAT, from + 4L * i) * factor + 0f);
    }
  }
}
