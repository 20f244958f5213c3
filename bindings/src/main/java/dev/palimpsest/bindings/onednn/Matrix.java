package dev.palimpsest.bindings.onednn;

import java.lang.foreign.MemorySegment;

/**
 * A row-major f32 matrix in native memory.
 *
 * @param at byte of its first element
 * @param stride elements from one row to the next
 */
public record Matrix(MemorySegment data, long at, int stride) {
  /** The same from some element of some row on. */
  public Matrix from(int row, int column) {
    return new Matrix(data, at(row, column), stride);
  }

  /** The byte where an element stands. */
  public long at(int row, int column) {
    return at + 4 * ((long) row * stride + column);
  }
}
