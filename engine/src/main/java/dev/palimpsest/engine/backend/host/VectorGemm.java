package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Vectors.FLOATS;
import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static dev.palimpsest.engine.backend.host.Vectors.load;
import static dev.palimpsest.engine.backend.host.Vectors.store;
import static dev.palimpsest.engine.backend.host.Vectors.sum;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The product without a library. Every element is one chain of fused multiply-adds in the order of
 * k (per lane, then the lanes), so its bits depend on nothing but its row, its column and k.
 */
record VectorGemm() implements Gemm {
  private static final int ROWS = 4;
  private static final int COLUMNS = 2;

  @Override
  public void timesTransposed(
      int m,
      int n,
      int k,
      MemorySegment a,
      long aAt,
      int lda,
      MemorySegment b,
      long bAt,
      int ldb,
      float beta,
      MemorySegment c,
      long cAt,
      int ldc) {
    for (int j = 0; j < n; j += COLUMNS) {
      long b0 = bAt + 4L * j * ldb;
      long b1 = bAt + 4L * Math.min(j + 1, n - 1) * ldb;
      for (int i = 0; i < m; i += ROWS) {
        dots(
            i,
            Math.min(ROWS, m - i),
            j,
            Math.min(COLUMNS, n - j),
            k,
            a,
            aAt,
            lda,
            b,
            b0,
            b1,
            beta,
            c,
            cAt,
            ldc);
      }
    }
  }

  /** A block of up to 4 rows by 2 columns; missing ones repeat the last and are not stored. */
  private static void dots(
      int i,
      int rows,
      int j,
      int columns,
      int k,
      MemorySegment a,
      long aAt,
      int lda,
      MemorySegment b,
      long b0,
      long b1,
      float beta,
      MemorySegment c,
      long cAt,
      int ldc) {
    long a0 = aAt + 4L * i * lda;
    long a1 = aAt + 4L * (i + Math.min(1, rows - 1)) * lda;
    long a2 = aAt + 4L * (i + Math.min(2, rows - 1)) * lda;
    long a3 = aAt + 4L * (i + rows - 1) * lda;
    long c0 = cAt + 4L * ((long) i * ldc + j);
    long row = 4L * ldc;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    int whole = FLOATS.loopBound(k);
    for (int p = 0; p < whole; p += LANES) {
      long at = 4L * p;
      FloatVector v0 = load(b, b0 + at);
      FloatVector v1 = load(b, b1 + at);
      FloatVector u = load(a, a0 + at);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      u = load(a, a1 + at);
      s10 = u.fma(v0, s10);
      s11 = u.fma(v1, s11);
      u = load(a, a2 + at);
      s20 = u.fma(v0, s20);
      s21 = u.fma(v1, s21);
      u = load(a, a3 + at);
      s30 = u.fma(v0, s30);
      s31 = u.fma(v1, s31);
    }
    finish(s00, whole, k, a, a0, b, b0, beta, c, c0);
    if (rows > 1) {
      finish(s10, whole, k, a, a1, b, b0, beta, c, c0 + row);
    }
    if (rows > 2) {
      finish(s20, whole, k, a, a2, b, b0, beta, c, c0 + 2 * row);
    }
    if (rows > 3) {
      finish(s30, whole, k, a, a3, b, b0, beta, c, c0 + 3 * row);
    }
    if (columns > 1) {
      finish(s01, whole, k, a, a0, b, b1, beta, c, c0 + 4);
      if (rows > 1) {
        finish(s11, whole, k, a, a1, b, b1, beta, c, c0 + row + 4);
      }
      if (rows > 2) {
        finish(s21, whole, k, a, a2, b, b1, beta, c, c0 + 2 * row + 4);
      }
      if (rows > 3) {
        finish(s31, whole, k, a, a3, b, b1, beta, c, c0 + 3 * row + 4);
      }
    }
  }

  /** Adds the lanes and the tail of k, and stores the element. */
  private static void finish(
      FloatVector lanes,
      int whole,
      int k,
      MemorySegment a,
      long aRow,
      MemorySegment b,
      long bRow,
      float beta,
      MemorySegment c,
      long at) {
    float dot = sum(lanes);
    for (int p = whole; p < k; p++) {
      dot = Math.fma(a.get(JAVA_FLOAT, aRow + 4L * p), b.get(JAVA_FLOAT, bRow + 4L * p), dot);
    }
    c.set(JAVA_FLOAT, at, beta == 0 ? dot : Math.fma(beta, c.get(JAVA_FLOAT, at), dot));
  }

  @Override
  public void times(
      int m,
      int n,
      int k,
      MemorySegment a,
      long aAt,
      int lda,
      MemorySegment b,
      long bAt,
      int ldb,
      float beta,
      MemorySegment c,
      long cAt,
      int ldc) {
    int whole = FLOATS.loopBound(n);
    for (int j = 0; j < whole; j += 2 * LANES) {
      boolean isPair = j + LANES < whole;
      for (int i = 0; i < m; i += ROWS) {
        int rows = Math.min(ROWS, m - i);
        long a0 = aAt + 4L * i * lda;
        long c0 = cAt + 4L * ((long) i * ldc + j);
        chains(rows, isPair, k, a, a0, lda, b, bAt + 4L * j, ldb, beta, c, c0, ldc);
      }
    }
    for (int i = 0; i < m; i++) {
      long aRow = aAt + 4L * i * lda;
      long cRow = cAt + 4L * i * ldc;
      for (int j = whole; j < n; j++) {
        float s = beta == 0 ? 0 : beta * c.get(JAVA_FLOAT, cRow + 4L * j);
        for (int p = 0; p < k; p++) {
          s =
              Math.fma(
                  a.get(JAVA_FLOAT, aRow + 4L * p),
                  b.get(JAVA_FLOAT, bAt + 4L * ((long) p * ldb + j)),
                  s);
        }
        c.set(JAVA_FLOAT, cRow + 4L * j, s);
      }
    }
  }

  /** A block of up to 4 rows by 1 or 2 vectors; missing ones repeat the last and are not stored. */
  private static void chains(
      int rows,
      boolean isPair,
      int k,
      MemorySegment a,
      long a0,
      int lda,
      MemorySegment b,
      long bAt,
      int ldb,
      float beta,
      MemorySegment c,
      long c0,
      int ldc) {
    long a1 = a0 + 4L * Math.min(1, rows - 1) * lda;
    long a2 = a0 + 4L * Math.min(2, rows - 1) * lda;
    long a3 = a0 + 4L * (rows - 1) * lda;
    long c1 = c0 + 4L * Math.min(1, rows - 1) * ldc;
    long c2 = c0 + 4L * Math.min(2, rows - 1) * ldc;
    long c3 = c0 + 4L * (rows - 1) * ldc;
    long second = isPair ? Vectors.BYTES : 0;
    FloatVector s00 = begin(beta, c, c0);
    FloatVector s01 = begin(beta, c, c0 + second);
    FloatVector s10 = begin(beta, c, c1);
    FloatVector s11 = begin(beta, c, c1 + second);
    FloatVector s20 = begin(beta, c, c2);
    FloatVector s21 = begin(beta, c, c2 + second);
    FloatVector s30 = begin(beta, c, c3);
    FloatVector s31 = begin(beta, c, c3 + second);
    for (int p = 0; p < k; p++) {
      long bRow = bAt + 4L * p * ldb;
      FloatVector v0 = load(b, bRow);
      FloatVector v1 = load(b, bRow + second);
      FloatVector u = FloatVector.broadcast(FLOATS, a.get(JAVA_FLOAT, a0 + 4L * p));
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      u = FloatVector.broadcast(FLOATS, a.get(JAVA_FLOAT, a1 + 4L * p));
      s10 = u.fma(v0, s10);
      s11 = u.fma(v1, s11);
      u = FloatVector.broadcast(FLOATS, a.get(JAVA_FLOAT, a2 + 4L * p));
      s20 = u.fma(v0, s20);
      s21 = u.fma(v1, s21);
      u = FloatVector.broadcast(FLOATS, a.get(JAVA_FLOAT, a3 + 4L * p));
      s30 = u.fma(v0, s30);
      s31 = u.fma(v1, s31);
    }
    storeRow(s00, s01, isPair, c, c0);
    if (rows > 1) {
      storeRow(s10, s11, isPair, c, c1);
    }
    if (rows > 2) {
      storeRow(s20, s21, isPair, c, c2);
    }
    if (rows > 3) {
      storeRow(s30, s31, isPair, c, c3);
    }
  }

  private static FloatVector begin(float beta, MemorySegment c, long at) {
    return beta == 0 ? FloatVector.zero(FLOATS) : load(c, at).mul(beta);
  }

  private static void storeRow(
      FloatVector first, FloatVector second, boolean isPair, MemorySegment c, long at) {
    store(first, c, at);
    if (isPair) {
      store(second, c, at + Vectors.BYTES);
    }
  }
}
