package dev.palimpsest.bindings.cublas;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The shape of a column-major matrix in memory. */
public final class MatrixLayout implements AutoCloseable {
  private final MemorySegment handle;
  private boolean open = true;

  /**
   * A column-major matrix.
   *
   * @param stride elements from one column to the next, at least {@code rows}
   */
  public MatrixLayout(ElementType type, long rows, long columns, long stride) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocate(ADDRESS);
      Cublas.check(
          "cublasLtMatrixLayoutCreate",
          CublasLt.cublasLtMatrixLayoutCreate(pointer, type.code(), rows, columns, stride));
      handle = pointer.get(ADDRESS, 0);
    }
  }

  MemorySegment handle() {
    return handle;
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      Cublas.check("cublasLtMatrixLayoutDestroy", CublasLt.cublasLtMatrixLayoutDestroy(handle));
    }
  }
}
