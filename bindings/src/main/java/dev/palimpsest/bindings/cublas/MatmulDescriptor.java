package dev.palimpsest.bindings.cublas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What a product computes: {@code aᵀ · b} with sums in f32 that are never rounded to TF32. */
public final class MatmulDescriptor implements AutoCloseable {
  private final MemorySegment handle;
  private boolean open = true;

  /** The left matrix is used transposed, the right one as it is stored. */
  public MatmulDescriptor() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocate(ADDRESS);
      Cublas.check(
          "cublasLtMatmulDescCreate",
          CublasLt.cublasLtMatmulDescCreate(
              pointer, CublasLt.CUBLAS_COMPUTE_32F(), CublasLt.CUDA_R_32F()));
      handle = pointer.get(ADDRESS, 0);
      MemorySegment transpose = arena.allocateFrom(JAVA_INT, CublasLt.CUBLAS_OP_T());
      int status =
          CublasLt.cublasLtMatmulDescSetAttribute(
              handle, CublasLt.CUBLASLT_MATMUL_DESC_TRANSA(), transpose, JAVA_INT.byteSize());
      if (status != CublasLt.CUBLAS_STATUS_SUCCESS()) {
        int _ = CublasLt.cublasLtMatmulDescDestroy(handle);
        Cublas.check("cublasLtMatmulDescSetAttribute", status);
      }
    }
  }

  MemorySegment handle() {
    return handle;
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Cublas.check("cublasLtMatmulDescDestroy", CublasLt.cublasLtMatmulDescDestroy(handle));
    }
  }
}
