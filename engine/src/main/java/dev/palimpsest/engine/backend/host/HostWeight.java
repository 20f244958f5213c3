package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.backend.Weight;
import java.lang.foreign.MemorySegment;

/**
 * A row-major matrix in native memory.
 *
 * @param precision of its elements
 * @param data [rows, columns]
 */
record HostWeight(Precision precision, int rows, int columns, MemorySegment data)
    implements Weight {
  @Override
  public long bytes() {
    return data.byteSize();
  }

  /** The bytes from one row to the next. */
  long rowBytes() {
    return columns * (precision == Precision.BF16 ? (long) Short.BYTES : Float.BYTES);
  }
}
