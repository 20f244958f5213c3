package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static dev.palimpsest.engine.backend.host.Vectors.load;
import static dev.palimpsest.engine.backend.host.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.onednn.Matrix;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.QueryRows;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Softmax attention with an online softmax (Milakov and Gimelshein, 2018; Dao et al., 2022): tiles
 * of {@value #QUERY_TILE} queries by {@value #KEY_TILE} keys, never a matrix of all scores.
 *
 * <p>Keys and the columns of values are multiplied in multiples of {@value Linear#STEP}, of which
 * what lies beyond is never read; a key that a query does not see has the weight 0, which changes
 * no bit of the sums. So a query's bits depend on the keys that it sees and on nothing else: not on
 * how many follow, nor on which other queries there are.
 */
final class Attention {
  private static final int QUERY_TILE = Linear.ROW_TILE;

  /** As many as a chain has terms: a tile of keys is one chain of the sum over values. */
  private static final int KEY_TILE = Arithmetic.CHAIN;

  /** Dimensions of packed keys lie a little further apart than keys, for the cache's sake. */
  private static final int KEY_STRIDE = KEY_TILE + Linear.STEP;

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
      QueryRows queries,
      int[] keyStarts,
      int[] limits,
      int window,
      Activation out) {
    int keyHeads = k.columns() / headSize;
    int group = q.columns() / k.columns();
    int sequences = queries.sequences();
    int parts = Math.clamp(Math.ceilDiv(2 * workers.count(), sequences * keyHeads), 1, group);
    int share = Math.ceilDiv(group, parts);
    workers.run(
        sequences * keyHeads * parts,
        (task, worker) -> {
          int sequence = task / (keyHeads * parts);
          int keyHead = task / parts % keyHeads;
          int first = task % parts * share;
          int heads = Math.min(share, group - first);
          if (heads <= 0 || queries.count(sequence) == 0) {
            return;
          }
          int column = (keyHead * group + first) * headSize;
          new Piece(
                  step,
                  q.columns(column, heads * headSize),
                  k.columns(keyHead * headSize, headSize),
                  v.columns(keyHead * headSize, headSize),
                  out.columns(column, heads * headSize),
                  heads,
                  queries.starts()[sequence],
                  queries.ends()[sequence],
                  keyStarts[sequence],
                  limits,
                  window)
              .attend(scratch[worker], gemm, maxima[worker], sums[worker]);
        });
  }

  /**
   * The queries of one sequence whose heads share a key head. They are counted row by row, and head
   * by head within a row.
   *
   * @param q [rows, heads · size]
   * @param k [rows, size]
   * @param heads of the queries
   * @param row the sequence's first row of queries
   * @param end the row after its last
   * @param key its first row of keys
   * @param window how many of the keys before its limit a query sees at most
   */
  private record Piece(
      MemorySegment step,
      Activation q,
      Activation k,
      Activation v,
      Activation out,
      int heads,
      int row,
      int end,
      int key,
      int[] limits,
      int window) {

    int size() {
      return k.columns();
    }

    int width() {
      return Math.ceilDiv(size(), STEP) * STEP;
    }

    int limit(int query) {
      return limits[row + query / heads];
    }

    /** The first key that a query sees. */
    int firstSeen(int query) {
      return Math.max(0, limit(query) - window);
    }

    /** The first key that one of some queries sees. */
    private int firstSeen(int first, int count) {
      int least = Integer.MAX_VALUE;
      for (int query = first; query < first + count; query++) {
        least = Math.min(least, firstSeen(query));
      }
      return least;
    }

    /** Where a query, or its result, starts. */
    long at(Activation of, int query) {
      return 4 * (of.row(row + query / heads) + (long) query % heads * size());
    }

    void attend(Scratch scratch, Gemm gemm, float[] max, float[] total) {
      int queries = (end - row) * heads;
      int seen = mostSeen(0, queries);
      long packed = 4L * QUERY_TILE * (2L * width() + KEY_TILE);
      long tileBytes = 4L * size() * KEY_STRIDE;
      long widened = packed + Math.ceilDiv(seen, KEY_TILE) * tileBytes;
      boolean isNarrow = v.stride() < width();
      MemorySegment memory = scratch.atLeast(widened + (isNarrow ? 4L * KEY_TILE * width() : 0));
      for (int first = firstSeen(0, queries) / KEY_TILE * KEY_TILE;
          first < seen;
          first += KEY_TILE) {
        pack(
            first, Math.min(KEY_TILE, seen - first), memory, packed + first / KEY_TILE * tileBytes);
      }
      for (int first = 0; first < queries; first += QUERY_TILE) {
        int count = Math.min(QUERY_TILE, queries - first);
        tile(first, count, memory, packed, isNarrow ? widened : -1, gemm, max, total);
      }
    }

    /** The most keys that one of some queries sees. */
    private int mostSeen(int first, int count) {
      int most = 0;
      for (int query = first; query < first + count; query++) {
        most = Math.max(most, limit(query));
      }
      return most;
    }

    /** Keys as [size, keys]; blocks of them, so that a line of the cache is filled at a time. */
    private void pack(int first, int keys, MemorySegment memory, long to) {
      for (int block = 0; block < keys; block += STEP) {
        for (int j = block; j < Math.min(keys, block + STEP); j++) {
          long from = 4 * k.row(key + first + j);
          long target = to + 4L * j;
          for (int i = 0; i < size(); i++) {
            memory.set(
                JAVA_FLOAT, target + 4L * i * KEY_STRIDE, step.get(JAVA_FLOAT, from + 4L * i));
          }
        }
      }
    }

    /**
     * Attends for some queries.
     *
     * @param packed byte of the packed keys in {@code memory}, which begins with room for queries,
     *     sums and scores
     * @param widened byte of room for values that are narrower than a product's columns; -1 if they
     *     are not
     */
    private void tile(
        int first,
        int count,
        MemorySegment memory,
        long packed,
        long widened,
        Gemm gemm,
        float[] max,
        float[] total) {
      int size = size();
      int width = width();
      Matrix queries = new Matrix(memory, 0, size);
      Matrix sum = new Matrix(memory, 4L * QUERY_TILE * width, width);
      Matrix scores = new Matrix(memory, 8L * QUERY_TILE * width, KEY_TILE);
      float scale = (float) (1 / Math.sqrt(size));
      for (int i = 0; i < count; i++) {
        scale(step, at(q, first + i), scale, memory, queries.at(i, 0), size);
      }
      memory.asSlice(sum.at(), 4L * count * width).fill((byte) 0);
      Arrays.fill(max, Float.NEGATIVE_INFINITY);
      Arrays.fill(total, 0);
      int seen = mostSeen(first, count);
      for (int from = firstSeen(first, count) / KEY_TILE * KEY_TILE;
          from < seen;
          from += KEY_TILE) {
        int keys = Math.min(KEY_TILE, seen - from);
        int scored = Math.ceilDiv(keys, STEP) * STEP;
        Matrix keysAt =
            new Matrix(memory, packed + from / KEY_TILE * 4L * size * KEY_STRIDE, KEY_STRIDE);
        gemm.multiply(count, scored, size, queries, keysAt, false, scores);
        for (int i = 0; i < count; i++) {
          long row = scores.at(i, 0);
          int begin = Math.max(0, firstSeen(first + i) - from);
          int end = Math.clamp(limit(first + i) - from, 0, scored);
          if (begin >= end) {
            memory.asSlice(row, 4L * scored).fill((byte) 0);
            continue;
          }
          hide(memory, row, 0, begin);
          hide(memory, row, end, scored);
          float highest = Math.max(max[i], highest(memory, row, scored));
          float shrink = (float) StrictMath.exp(max[i] - highest);
          total[i] = total[i] * shrink + exponentials(memory, row, scored, highest);
          max[i] = highest;
          scale(memory, sum.at(i, 0), shrink, memory, sum.at(i, 0), width);
        }
        gemm.multiply(count, width, keys, scores, values(from, keys, memory, widened), true, sum);
      }
      for (int i = 0; i < count; i++) {
        scale(memory, sum.at(i, 0), 1 / total[i], step, at(out, first + i), size);
      }
    }

    private Matrix values(int first, int keys, MemorySegment memory, long widened) {
      if (widened < 0) {
        return new Matrix(step, 4 * v.row(key + first), v.stride());
      }
      for (int j = 0; j < keys; j++) {
        long to = widened + 4L * j * width();
        MemorySegment.copy(step, 4 * v.row(key + first + j), memory, to, 4L * size());
      }
      return new Matrix(memory, widened, width());
    }
  }

  /** Takes the keys from {@code first} to before {@code end} out of the softmax. */
  private static void hide(MemorySegment scores, long row, int first, int end) {
    for (int j = first; j < end; j++) {
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
    FloatVector s0 = FloatVector.zero(Vectors.FLOATS);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (int j = 0; j < keys; j += Arithmetic.LANES) {
      s0 = s0.add(exponential(scores, row + 4L * j, highest));
      if (LANES < 16) {
        s1 = s1.add(exponential(scores, row + 4L * (j + LANES), highest));
      }
      if (LANES < 8) {
        s2 = s2.add(exponential(scores, row + 4L * (j + 2 * LANES), highest));
        s3 = s3.add(exponential(scores, row + 4L * (j + 3 * LANES), highest));
      }
    }
    return Vectors.sum(s0, s1, s2, s3);
  }

  private static FloatVector exponential(MemorySegment scores, long at, float highest) {
    FloatVector weight = Vectors.exp(load(scores, at).sub(highest));
    store(weight, scores, at);
    return weight;
  }

  /** Also turns -0 into 0, so that a key of weight 0 leaves no trace in a sum. */
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
