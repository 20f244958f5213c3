package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.engine.backend.KvLayer;

/**
 * The KV cache of one layer in the device's memory, all of it taken at once: it stays where it is,
 * and with it the graphs that name it.
 */
record CudaKvLayer(int slots, int columns, DeviceMemory memory) implements KvLayer, AutoCloseable {
  CudaKvLayer(int slots, int columns, long elementBytes) {
    this(slots, columns, DeviceMemory.allocate(elementBytes * columns * slots));
  }

  /** Where slot 0 lies. */
  long address() {
    return memory.address();
  }

  @Override
  public void close() {
    memory.close();
  }
}
