package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.KvLayer;

/**
 * The KV cache of one layer in the device's memory, which is taken for the first slots and doubled
 * when later ones are written.
 */
final class CudaKvLayer implements KvLayer, AutoCloseable {
  private static final int FIRST_SLOTS = 256;

  private final int slots;
  private final int columns;
  private final long slotBytes;
  private DeviceMemory memory;
  private int capacity;

  CudaKvLayer(int slots, int columns, long elementBytes) {
    this.slots = slots;
    this.columns = columns;
    slotBytes = elementBytes * columns;
    capacity = Math.min(slots, FIRST_SLOTS);
    memory = DeviceMemory.allocate(slotBytes * capacity);
  }

  @Override
  public int slots() {
    return slots;
  }

  @Override
  public int columns() {
    return columns;
  }

  /** Whether there is memory for slot {@code slot}. */
  boolean reaches(int slot) {
    return slot < capacity;
  }

  /** Takes memory up to slot {@code slot}; nothing that is under way may use the cache. */
  void reach(int slot, Stream stream) {
    int larger = Math.toIntExact(Math.min(slots, Math.max(2L * capacity, slot + 1L)));
    DeviceMemory grown = DeviceMemory.allocate(slotBytes * larger);
    grown.copyFrom(memory, 0, 0, slotBytes * capacity, stream);
    stream.synchronize();
    memory.close();
    memory = grown;
    capacity = larger;
  }

  /** Where slot 0 lies, until more memory is taken. */
  long address() {
    return memory.address();
  }

  @Override
  public void close() {
    memory.close();
  }
}
