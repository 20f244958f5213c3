package dev.palimpsest.engine.backend.host;

import java.lang.foreign.MemorySegment;

/**
 * Products of row-major f32 matrices in native memory. A matrix is a segment, the byte where it
 * starts, and the elements from one row to the next.
 *
 * <p>A row of {@code c} has the same bits for the same {@code m}, {@code n} and {@code k}, whatever
 * the other rows hold; callers keep {@code m} fixed where rows of different requests may meet.
 */
sealed interface Gemm permits OneDnnGemm, VectorGemm {
  /** {@code c = a · bᵀ + beta · c}; a [m, k], b [n, k], c [m, n], in f32. */
  void timesTransposed(
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
      int ldc);

  /** {@code c = a · b + beta · c}; a [m, k], b [k, n], c [m, n], in f32. */
  void times(
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
      int ldc);
}
