package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.device.Precision;
import java.lang.foreign.MemorySegment;

/**
 * A matrix in native memory, in panels of some rows that are stored column by column: what a
 * product with the transposed matrix reads from the first byte to the last.
 *
 * @param precision of its elements
 * @param panel rows of a panel; panels of one row are a row-major matrix
 * @param data [⌈rows / panel⌉, columns, panel]; what the last panel has beyond the rows is 0
 */
record HostWeight(Precision precision, int rows, int columns, int panel, MemorySegment data)
    implements Weight {
  @Override
  public long bytes() {
    return data.byteSize();
  }

  /** Whether it is held as native bf16 products take it. */
  boolean isRowMajor() {
    return panel == 1;
  }

  /** The element's place in the data. */
  long index(int row, int column) {
    return ((long) (row / panel) * columns + column) * panel + row % panel;
  }

  /** The byte where an element stands. */
  long at(int row, int column) {
    return index(row, column) * (precision == Precision.BF16 ? Short.BYTES : Float.BYTES);
  }
}
