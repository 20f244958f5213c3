package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.device.Precision;

/**
 * A row-major matrix in the device's memory.
 *
 * @param index its place among the backend's weights
 * @param precision of its elements
 * @param address of its first element
 */
record CudaWeight(int index, Precision precision, int rows, int columns, long address)
    implements Weight {
  @Override
  public long bytes() {
    return elementBytes(precision) * rows * columns;
  }

  /** Where a row starts. */
  long row(int row) {
    return address + elementBytes(precision) * row * columns;
  }

  static long elementBytes(Precision precision) {
    return switch (precision) {
      case F32 -> Float.BYTES;
      case BF16 -> Short.BYTES;
    };
  }
}
