package dev.palimpsest.engine.backend.host;

import dev.palimpsest.bindings.onednn.OneDnn;
import java.lang.foreign.MemorySegment;

/** oneDNN's f32 product on the calling thread. */
record OneDnnGemm() implements Gemm {
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
    OneDnn.sgemm(OneDnn.TRANSPOSE, m, n, k, a, aAt, lda, b, bAt, ldb, beta, c, cAt, ldc);
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
    OneDnn.sgemm(OneDnn.NO_TRANSPOSE, m, n, k, a, aAt, lda, b, bAt, ldb, beta, c, cAt, ldc);
  }
}
