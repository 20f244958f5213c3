package dev.palimpsest.engine.backend.host;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Native memory that grows to the largest request and is then reused. */
final class Scratch implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  private Arena arena = Arena.ofShared();
  private MemorySegment memory = arena.allocate(ALIGNMENT, ALIGNMENT);

  /** One for each of some workers. */
  static Scratch[] each(int workers) {
    Scratch[] all = new Scratch[workers];
    Arrays.setAll(all, _ -> new Scratch());
    return all;
  }

  /** At least {@code bytes} of memory; what it held is lost when it grows. */
  MemorySegment atLeast(long bytes) {
    if (memory.byteSize() < bytes) {
      arena.close();
      arena = Arena.ofShared();
      memory = arena.allocate(bytes, ALIGNMENT);
    }
    return memory;
  }

  MemorySegment memory() {
    return memory;
  }

  /** Makes every number in it NaN, in f32 and in bf16. */
  void poison() {
    memory.fill((byte) 0xFF);
  }

  @Override
  public void close() {
    arena.close();
  }
}
