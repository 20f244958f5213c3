package dev.palimpsest.engine.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A tensor in a mapped file.
 *
 * @param name as the file has it
 * @param dtype of the elements
 * @param shape outermost dimension first; empty for a scalar
 * @param data exactly the elements, row-major, little-endian, read-only and valid until the file is
 *     closed; the format promises no alignment, so read it with unaligned layouts
 */
public record Tensor(String name, DType dtype, List<Long> shape, MemorySegment data) {
  /** Copies the shape. */
  public Tensor {
    shape = List.copyOf(shape);
  }

  /** The tensor at {@code index} of the outermost dimension. */
  public Tensor slice(int index) {
    long bytes = data.byteSize() / shape.getFirst();
    return new Tensor(
        name, dtype, shape.subList(1, shape.size()), data.asSlice(index * bytes, bytes));
  }

  /** Number of elements. */
  public long elements() {
    return data.byteSize() / dtype.bytes();
  }
}
