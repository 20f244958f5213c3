package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory of the host that the device copies from and to by itself. */
public final class PinnedMemory implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;

  private PinnedMemory(long bytes) {
    try (Arena temporary = Arena.ofConfined()) {
      MemorySegment pointer = temporary.allocate(ADDRESS);
      Status.check(
          "cuMemHostAlloc",
          CudaDriver.cuMemHostAlloc(pointer, bytes, CudaDriver.CU_MEMHOSTALLOC_PORTABLE()));
      segment = pointer.get(ADDRESS, 0).reinterpret(bytes, arena, _ -> {});
    }
  }

  /** Allocates memory whose content is undefined. */
  public static PinnedMemory allocate(long bytes) {
    return new PinnedMemory(bytes);
  }

  /** The memory; it cannot be used after this is closed. */
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      Status.check(
          "cuMemFreeHost", CudaDriver.cuMemFreeHost(MemorySegment.ofAddress(segment.address())));
    }
  }
}
