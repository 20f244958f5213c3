package dev.palimpsest.bindings.cublas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What a product computes: {@code aᵀ · b}, with a bias or without, with sums in f32 that are never
 * rounded to TF32.
 */
public final class MatmulDescriptor implements AutoCloseable {
  private final MemorySegment handle;
  private boolean open = true;

  private MatmulDescriptor() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocate(ADDRESS);
      Cublas.check(
          "cublasLtMatmulDescCreate",
          CublasLt.cublasLtMatmulDescCreate(
              pointer, CublasLt.CUBLAS_COMPUTE_32F(), CublasLt.CUDA_R_32F()));
      handle = pointer.get(ADDRESS, 0);
    }
  }

  /** The left matrix is used transposed, the right one as it is stored. */
  public static MatmulDescriptor plain() {
    MatmulDescriptor descriptor = new MatmulDescriptor();
    boolean set = false;
    try {
      descriptor.set(CublasLt.CUBLASLT_MATMUL_DESC_TRANSA(), CublasLt.CUBLAS_OP_T());
      set = true;
    } finally {
      if (!set) {
        int _ = CublasLt.cublasLtMatmulDescDestroy(descriptor.handle);
      }
    }
    return descriptor;
  }

  /**
   * As {@link #plain}, and a bias is added to every column before the result is rounded.
   *
   * @param bias address in the device's memory, of elements of the result's type
   */
  public static MatmulDescriptor biased(long bias) {
    MatmulDescriptor descriptor = plain();
    boolean set = false;
    try {
      descriptor.set(CublasLt.CUBLASLT_MATMUL_DESC_EPILOGUE(), CublasLt.CUBLASLT_EPILOGUE_BIAS());
      descriptor.bias(bias);
      set = true;
    } finally {
      if (!set) {
        int _ = CublasLt.cublasLtMatmulDescDestroy(descriptor.handle);
      }
    }
    return descriptor;
  }

  /** Lets the products that follow add another bias; of a {@link #biased} one. */
  public void bias(long address) {
    try (Arena arena = Arena.ofConfined()) {
      set(CublasLt.CUBLASLT_MATMUL_DESC_BIAS_POINTER(), arena.allocateFrom(JAVA_LONG, address));
    }
  }

  private void set(int attribute, int value) {
    try (Arena arena = Arena.ofConfined()) {
      set(attribute, arena.allocateFrom(JAVA_INT, value));
    }
  }

  private void set(int attribute, MemorySegment value) {
    Cublas.check(
        "cublasLtMatmulDescSetAttribute",
        CublasLt.cublasLtMatmulDescSetAttribute(handle, attribute, value, value.byteSize()));
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
