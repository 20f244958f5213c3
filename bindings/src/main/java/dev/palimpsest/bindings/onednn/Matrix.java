package dev.palimpsest.bindings.onednn;

import java.lang.foreign.MemorySegment;

/**
 * A row-major matrix in native memory, of f32 unless bf16 is said.
 *
 * @param at byte of its first element
 * @param stride elements from one row to the next
 */
public record Matrix(MemorySegment segment, long at, int stride) {
  /** The part from some element of some row on. */
  public Matrix from(int row, int column) {
    return new Matrix(segment, at(row, column), stride);
  }

  /** {@link #from} of a matrix of bf16. */
  public Matrix fromBf16(int row, int column) {
    return new Matrix(segment, at + 2 * ((long) row * stride + column), stride);
  }

  /** The byte where an element stands. */
  public long at(int row, int column) {
    return at + 4 * ((long) row * stride + column);
  }
}
