package dev.palimpsest.engine.backend.host;

import java.lang.foreign.MemorySegment;

/**
 * Products of row-major f32 matrices in native memory.
 *
 * <p>A row of {@code c} has the same bits for the same {@code m}, {@code n} and {@code k}, whatever
 * the other rows hold; callers keep {@code m} fixed where rows of different requests may meet.
 */
sealed interface Gemm permits OneDnnGemm, VectorGemm {
  /** {@code c = a · bᵀ + beta · c}; a [m, k], b [n, k], c [m, n], row strides in elements. */
  void timesTransposed(
      int m,
      int n,
      int k,
      MemorySegment a,
      int lda,
      MemorySegment b,
      int ldb,
      float beta,
      MemorySegment c,
      int ldc);

  /** {@code c = a · b + beta · c}; a [m, k], b [k, n], c [m, n], row strides in elements. */
  void times(
      int m,
      int n,
      int k,
      MemorySegment a,
      int lda,
      MemorySegment b,
      int ldb,
      float beta,
      MemorySegment c,
      int ldc);
}
