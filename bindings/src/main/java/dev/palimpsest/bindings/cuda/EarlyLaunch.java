package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The configuration of one launch after another that may start before the kernel ahead has ended:
 * {@code CUlaunchConfig} with {@code CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION}.
 */
final class EarlyLaunch {
  private static final int GRID = 0;
  private static final int BLOCK = 12;
  private static final int SHARED_BYTES = 24;
  private static final int STREAM = 32;
  private static final int ATTRIBUTES = 40;
  private static final int ATTRIBUTE_COUNT = 48;
  private static final int BYTES = 56;

  /** Of {@code CUlaunchAttribute}, which lies behind the configuration. */
  private static final int ATTRIBUTE_VALUE = 8;

  private static final int ATTRIBUTE_BYTES = 72;

  private final MemorySegment configuration;

  EarlyLaunch() {
    configuration = Arena.ofAuto().allocate(BYTES + ATTRIBUTE_BYTES, ADDRESS.byteAlignment());
    MemorySegment attribute = configuration.asSlice(BYTES);
    attribute.set(JAVA_INT, 0, CudaDriver.CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION());
    attribute.set(JAVA_INT, ATTRIBUTE_VALUE, 1);
    configuration.set(JAVA_INT, GRID + 8, 1);
    configuration.set(JAVA_INT, BLOCK + 4, 1);
    configuration.set(JAVA_INT, BLOCK + 8, 1);
    configuration.set(ADDRESS, ATTRIBUTES, attribute);
    configuration.set(JAVA_INT, ATTRIBUTE_COUNT, 1);
  }

  /** The configuration of a launch into this stream; it means something until the next. */
  MemorySegment of(Stream stream, int gridX, int gridY, int threads, int sharedBytes) {
    configuration.set(JAVA_INT, GRID, gridX);
    configuration.set(JAVA_INT, GRID + 4, gridY);
    configuration.set(JAVA_INT, BLOCK, threads);
    configuration.set(JAVA_INT, SHARED_BYTES, sharedBytes);
    configuration.set(ADDRESS, STREAM, stream.address());
    return configuration;
  }
}
