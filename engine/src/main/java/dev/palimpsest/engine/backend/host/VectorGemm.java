package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Vectors.BYTES;
import static dev.palimpsest.engine.backend.host.Vectors.FLOATS;
import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static dev.palimpsest.engine.backend.host.Vectors.load;
import static dev.palimpsest.engine.backend.host.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.onednn.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The product without a library: register tiles of 6 rows by 2 vectors of 512 bits, or of 4 rows by
 * 2 narrower ones, and single rows by 4 vectors. A tile's chains go through a buffer: a tile that
 * itself adds to {@code c} keeps its sums on the stack, at a sixth of the speed (JDK 25).
 */
final class VectorGemm implements Gemm {
  private static final boolean IS_WIDE = LANES == 16;
  private static final int ROWS = IS_WIDE ? 6 : 4;
  private static final int PAIR = 2 * LANES;
  private static final int QUAD = 4 * LANES;
  private static final long SECOND = BYTES;
  private static final long THIRD = 2 * BYTES;
  private static final long FOURTH = 3 * BYTES;

  /** Beyond these rows, a panel that is widened once is faster. */
  private static final int ROWS_IN_BF16 = 6;

  /** The chains of a tile, one buffer a thread: [rows, a pair of vectors]. */
  private static final ThreadLocal<MemorySegment> CHAINS =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(2L * ROWS * BYTES, 64));

  @Override
  public void multiply(int m, int n, int k, Matrix a, Matrix b, boolean add, Matrix c) {
    MemorySegment chains = CHAINS.get();
    for (int p = 0; p < k; p += Arithmetic.CHAIN) {
      int terms = Math.min(Arithmetic.CHAIN, k - p);
      boolean adds = add || p > 0;
      if (m == 1) {
        row(n, terms, a.from(0, p), b.from(p, 0), adds, c);
      } else {
        tiles(m, n, terms, a.from(0, p), b.from(p, 0), adds, c, chains);
      }
    }
  }

  private static void tiles(
      int m, int n, int terms, Matrix a, Matrix b, boolean adds, Matrix c, MemorySegment chains) {
    long aRow = 4L * a.stride();
    long bRow = 4L * b.stride();
    for (int i = 0; i < m; i += ROWS) {
      int rows = Math.min(ROWS, m - i);
      long aAt = a.at(i, 0);
      int j = 0;
      for (; j + PAIR <= n; j += PAIR) {
        if (IS_WIDE) {
          six(terms, a.segment(), aAt, aRow, b.segment(), b.at(0, j), bRow, chains);
        } else {
          four(terms, a.segment(), aAt, aRow, b.segment(), b.at(0, j), bRow, chains);
        }
        for (int row = 0; row < rows; row++) {
          long from = 2L * row * BYTES;
          put(load(chains, from), adds, c.segment(), c.at(i + row, j));
          put(load(chains, from + SECOND), adds, c.segment(), c.at(i + row, j) + SECOND);
        }
      }
      for (; j < n; j += LANES) {
        for (int row = 0; row < rows; row++) {
          FloatVector chain =
              single(terms, a.segment(), a.at(i + row, 0), b.segment(), b.at(0, j), bRow);
          put(chain, adds, c.segment(), c.at(i + row, j));
        }
      }
    }
  }

  private static void put(FloatVector chain, boolean adds, MemorySegment c, long at) {
    store(adds ? load(c, at).add(chain) : chain, c, at);
  }

  private static FloatVector broadcast(MemorySegment a, long at) {
    return FloatVector.broadcast(FLOATS, a.get(JAVA_FLOAT, at));
  }

  private static void six(
      int terms,
      MemorySegment a,
      long a0,
      long aRow,
      MemorySegment b,
      long bAt,
      long bRow,
      MemorySegment chains) {
    long a1 = a0 + aRow;
    long a2 = a1 + aRow;
    long a3 = a2 + aRow;
    long a4 = a3 + aRow;
    long a5 = a4 + aRow;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    FloatVector s40 = s00;
    FloatVector s41 = s00;
    FloatVector s50 = s00;
    FloatVector s51 = s00;
    for (int p = 0; p < terms; p++) {
      long from = bAt + p * bRow;
      long at = 4L * p;
      FloatVector v0 = load(b, from);
      FloatVector v1 = load(b, from + SECOND);
      FloatVector u = broadcast(a, a0 + at);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      u = broadcast(a, a1 + at);
      s10 = u.fma(v0, s10);
      s11 = u.fma(v1, s11);
      u = broadcast(a, a2 + at);
      s20 = u.fma(v0, s20);
      s21 = u.fma(v1, s21);
      u = broadcast(a, a3 + at);
      s30 = u.fma(v0, s30);
      s31 = u.fma(v1, s31);
      u = broadcast(a, a4 + at);
      s40 = u.fma(v0, s40);
      s41 = u.fma(v1, s41);
      u = broadcast(a, a5 + at);
      s50 = u.fma(v0, s50);
      s51 = u.fma(v1, s51);
    }
    store(s00, chains, 0);
    store(s01, chains, BYTES);
    store(s10, chains, 2 * BYTES);
    store(s11, chains, 3 * BYTES);
    store(s20, chains, 4 * BYTES);
    store(s21, chains, 5 * BYTES);
    store(s30, chains, 6 * BYTES);
    store(s31, chains, 7 * BYTES);
    store(s40, chains, 8 * BYTES);
    store(s41, chains, 9 * BYTES);
    store(s50, chains, 10 * BYTES);
    store(s51, chains, 11 * BYTES);
  }

  private static void four(
      int terms,
      MemorySegment a,
      long a0,
      long aRow,
      MemorySegment b,
      long bAt,
      long bRow,
      MemorySegment chains) {
    long a1 = a0 + aRow;
    long a2 = a1 + aRow;
    long a3 = a2 + aRow;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    for (int p = 0; p < terms; p++) {
      long from = bAt + p * bRow;
      long at = 4L * p;
      FloatVector v0 = load(b, from);
      FloatVector v1 = load(b, from + SECOND);
      FloatVector u = broadcast(a, a0 + at);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      u = broadcast(a, a1 + at);
      s10 = u.fma(v0, s10);
      s11 = u.fma(v1, s11);
      u = broadcast(a, a2 + at);
      s20 = u.fma(v0, s20);
      s21 = u.fma(v1, s21);
      u = broadcast(a, a3 + at);
      s30 = u.fma(v0, s30);
      s31 = u.fma(v1, s31);
    }
    store(s00, chains, 0);
    store(s01, chains, BYTES);
    store(s10, chains, 2 * BYTES);
    store(s11, chains, 3 * BYTES);
    store(s20, chains, 4 * BYTES);
    store(s21, chains, 5 * BYTES);
    store(s30, chains, 6 * BYTES);
    store(s31, chains, 7 * BYTES);
  }

  private static void row(int n, int terms, Matrix a, Matrix b, boolean adds, Matrix c) {
    long bRow = 4L * b.stride();
    int j = 0;
    for (; j + QUAD <= n; j += QUAD) {
      FloatVector s0 = FloatVector.zero(FLOATS);
      FloatVector s1 = s0;
      FloatVector s2 = s0;
      FloatVector s3 = s0;
      for (int p = 0; p < terms; p++) {
        long from = b.at(0, j) + p * bRow;
        FloatVector u = broadcast(a.segment(), a.at(0, p));
        s0 = u.fma(load(b.segment(), from), s0);
        s1 = u.fma(load(b.segment(), from + SECOND), s1);
        s2 = u.fma(load(b.segment(), from + THIRD), s2);
        s3 = u.fma(load(b.segment(), from + FOURTH), s3);
      }
      put(s0, adds, c.segment(), c.at(0, j));
      put(s1, adds, c.segment(), c.at(0, j) + SECOND);
      put(s2, adds, c.segment(), c.at(0, j) + THIRD);
      put(s3, adds, c.segment(), c.at(0, j) + FOURTH);
    }
    for (; j < n; j += LANES) {
      FloatVector chain = single(terms, a.segment(), a.at(), b.segment(), b.at(0, j), bRow);
      put(chain, adds, c.segment(), c.at(0, j));
    }
  }

  /** The chains of one row and one vector of columns. */
  private static FloatVector single(
      int terms, MemorySegment a, long aAt, MemorySegment b, long bAt, long bRow) {
    FloatVector s = FloatVector.zero(FLOATS);
    for (int p = 0; p < terms; p++) {
      s = broadcast(a, aAt + 4L * p).fma(load(b, bAt + p * bRow), s);
    }
    return s;
  }

  @Override
  public boolean takesBf16(int m) {
    return m <= ROWS_IN_BF16;
  }

  @Override
  public void multiplyBf16(int m, int n, int k, Matrix a, Matrix b, boolean add, Matrix c) {
    for (int p = 0; p < k; p += Arithmetic.CHAIN) {
      int terms = Math.min(Arithmetic.CHAIN, k - p);
      for (int i = 0; i < m; i++) {
        rowOfBf16(n, terms, a.from(i, p), b.fromBf16(p, 0), add || p > 0, c.from(i, 0));
      }
    }
  }

  private static void rowOfBf16(int n, int terms, Matrix a, Matrix b, boolean adds, Matrix c) {
    long bRow = 2L * b.stride();
    int j = 0;
    for (; j + QUAD <= n; j += QUAD) {
      long bAt = b.at() + 2L * j;
      FloatVector s0 = FloatVector.zero(FLOATS);
      FloatVector s1 = s0;
      FloatVector s2 = s0;
      FloatVector s3 = s0;
      for (int p = 0; p < terms; p++) {
        long from = bAt + p * bRow;
        FloatVector u = broadcast(a.segment(), a.at(0, p));
        s0 = u.fma(Bf16Vectors.load(b.segment(), from), s0);
        s1 = u.fma(Bf16Vectors.load(b.segment(), from + SECOND / 2), s1);
        s2 = u.fma(Bf16Vectors.load(b.segment(), from + THIRD / 2), s2);
        s3 = u.fma(Bf16Vectors.load(b.segment(), from + FOURTH / 2), s3);
      }
      put(s0, adds, c.segment(), c.at(0, j));
      put(s1, adds, c.segment(), c.at(0, j) + SECOND);
      put(s2, adds, c.segment(), c.at(0, j) + THIRD);
      put(s3, adds, c.segment(), c.at(0, j) + FOURTH);
    }
    for (; j < n; j += LANES) {
      long bAt = b.at() + 2L * j;
      FloatVector s = FloatVector.zero(FLOATS);
      for (int p = 0; p < terms; p++) {
        s =
            broadcast(a.segment(), a.at(0, p))
                .fma(Bf16Vectors.load(b.segment(), bAt + p * bRow), s);
      }
      put(s, adds, c.segment(), c.at(0, j));
    }
  }

  @Override
  public String describe() {
    return "Vector API products of " + FLOATS.vectorBitSize() + " bits";
  }
}
