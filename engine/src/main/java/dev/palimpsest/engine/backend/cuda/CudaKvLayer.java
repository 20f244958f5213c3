package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.KvLayer;

/**
 * Rows of activations in the device's memory that outlive a step. Memory is taken for the first
 * rows and doubled when later ones are written.
 */
final class CudaKvLayer implements KvLayer, AutoCloseable {
  private static final int FIRST_ROWS = 256;

  private final int rows;
  private final int columns;
  private final long rowBytes;
  private DeviceMemory memory;
  private int capacity;

  CudaKvLayer(int rows, int columns, long elementBytes) {
    this.rows = rows;
    this.columns = columns;
    rowBytes = elementBytes * columns;
    capacity = Math.min(rows, FIRST_ROWS);
    memory = DeviceMemory.allocate(rowBytes * capacity);
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int columns() {
    return columns;
  }

  /** Whether there is memory for row {@code row}. */
  boolean reaches(int row) {
    return row < capacity;
  }

  /** Takes memory up to row {@code row}; nothing that is under way may use the store. */
  void reach(int row, Stream stream) {
    int larger = Math.toIntExact(Math.min(rows, Math.max(2L * capacity, row + 1L)));
    DeviceMemory grown = DeviceMemory.allocate(rowBytes * larger);
    grown.copyFrom(memory, 0, 0, rowBytes * capacity, stream);
    stream.synchronize();
    memory.close();
    memory = grown;
    capacity = larger;
  }

  /** Where row 0 lies, until more memory is taken. */
  long address() {
    return memory.address();
  }

  @Override
  public void close() {
    memory.close();
  }
}
