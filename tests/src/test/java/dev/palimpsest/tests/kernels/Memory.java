package dev.palimpsest.tests.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;

/** The memory of one test: buffers between guard bytes, full of poison until something is put. */
final class Memory implements AutoCloseable {
  static final byte POISON = (byte) 0xFF;
  private static final byte GUARD = 0x5A;

  /** A tool that watches every access is to see where a buffer ends. */
  private static final long GUARD_BYTES =
      Boolean.parseBoolean(System.getProperty("palimpsest.kernels.guards", "true")) ? 256 : 0;

  private static final long ALIGNMENT = 64;

  private final Optional<DeviceKernels> device = DeviceKernels.ifWanted();
  private final KernelLibrary library;
  private final Arena arena = Arena.ofConfined();
  private final List<Buffer> buffers = new ArrayList<>();

  /** Where something lies. */
  final class Buffer {
    private final MemorySegment guarded;
    final MemorySegment data;

    private Buffer(long bytes) {
      guarded = arena.allocate(bytes + 2 * GUARD_BYTES, ALIGNMENT).fill(GUARD);
      data = guarded.asSlice(GUARD_BYTES, bytes).fill(POISON);
      buffers.add(this);
    }

    private void checkGuards(String kernel) {
      long end = GUARD_BYTES + data.byteSize();
      for (long i = 0; i < GUARD_BYTES; i++) {
        if (guarded.get(JAVA_BYTE, i) != GUARD || guarded.get(JAVA_BYTE, end + i) != GUARD) {
          throw new AssertionError(
              kernel + ": wrote outside a buffer of " + data.byteSize() + " bytes");
        }
      }
    }
  }

  Memory(KernelLibrary library) {
    this.library = library;
  }

  Buffer bytes(long count) {
    return new Buffer(count);
  }

  Buffer ints(int... values) {
    Buffer buffer = new Buffer(4L * Math.max(1, values.length));
    MemorySegment.copy(values, 0, buffer.data, JAVA_INT, 0, values.length);
    return buffer;
  }

  Buffer floats(float... values) {
    Buffer buffer = new Buffer(4L * values.length);
    MemorySegment.copy(values, 0, buffer.data, JAVA_FLOAT, 0, values.length);
    return buffer;
  }

  float[] randomFloats(SplittableRandom random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** A matrix of poison. */
  Matrix matrix(ElementType type, int rows, int columns, int stride) {
    return new Matrix(type, rows, columns, stride, new Buffer((long) rows * stride * type.bytes));
  }

  Matrix random(SplittableRandom random, ElementType type, int rows, int columns, int stride) {
    Matrix matrix = matrix(type, rows, columns, stride);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        matrix.set(row, column, (float) random.nextGaussian());
      }
    }
    return matrix;
  }

  /**
   * Runs a kernel twice, see the package, and leaves what it wrote.
   *
   * @param outputs the buffers that may change
   * @param arguments matrices and buffers (as addresses), ints, longs and floats
   */
  void launch(
      String kernel,
      int gridX,
      int gridY,
      int block,
      int shared,
      Set<Buffer> outputs,
      Object... arguments) {
    List<byte[]> before = contents();
    assertThat(attempt(kernel, gridX, gridY, block, shared, false, arguments)).isEmpty();
    List<byte[]> after = contents();
    for (int i = 0; i < buffers.size(); i++) {
      buffers.get(i).checkGuards(kernel);
      if (!outputs.contains(buffers.get(i))) {
        assertThat(after.get(i)).as("%s: an input", kernel).isEqualTo(before.get(i));
      }
      MemorySegment.copy(before.get(i), 0, buffers.get(i).data, JAVA_BYTE, 0, before.get(i).length);
    }
    assertThat(attempt(kernel, gridX, gridY, block, shared, true, arguments)).isEmpty();
    List<byte[]> again = contents();
    for (int i = 0; i < buffers.size(); i++) {
      buffers.get(i).checkGuards(kernel);
      assertThat(again.get(i))
          .as("%s: what threads write in descending order", kernel)
          .isEqualTo(after.get(i));
    }
  }

  /** Runs a kernel once; the empty text, or why it failed. */
  String attempt(
      String kernel,
      int gridX,
      int gridY,
      int block,
      int shared,
      boolean descending,
      Object... arguments) {
    if (device.isPresent()) {
      return device.get().launch(kernel, gridX, gridY, block, shared, guarded(), values(arguments));
    }
    try (Arena call = Arena.ofConfined()) {
      MemorySegment parameters = call.allocate(ADDRESS, arguments.length + 1L);
      for (int i = 0; i < arguments.length; i++) {
        MemorySegment slot = call.allocate(JAVA_LONG);
        switch (arguments[i]) {
          case Matrix matrix -> slot.set(ADDRESS, 0, matrix.buffer().data);
          case Buffer buffer -> slot.set(ADDRESS, 0, buffer.data);
          case MemorySegment address -> slot.set(ADDRESS, 0, address);
          case Integer value -> slot.set(JAVA_INT, 0, value);
          case Long value -> slot.set(JAVA_LONG, 0, value);
          case Float value -> slot.set(JAVA_FLOAT, 0, value);
          default -> throw new AssertionError("no kernel takes a " + arguments[i].getClass());
        }
        parameters.setAtIndex(ADDRESS, i, slot);
      }
      return library.launch(kernel, gridX, gridY, block, shared, descending, parameters);
    }
  }

  private List<MemorySegment> guarded() {
    return buffers.stream().map(buffer -> buffer.guarded).toList();
  }

  /** The arguments with matrices and buffers as segments. */
  private static List<Object> values(Object... arguments) {
    List<Object> values = new ArrayList<>();
    for (Object argument : arguments) {
      values.add(
          switch (argument) {
            case Matrix matrix -> matrix.buffer().data;
            case Buffer buffer -> buffer.data;
            default -> argument;
          });
    }
    return values;
  }

  private List<byte[]> contents() {
    List<byte[]> all = new ArrayList<>();
    for (Buffer buffer : buffers) {
      all.add(buffer.data.toArray(JAVA_BYTE));
    }
    return all;
  }

  @Override
  public void close() {
    arena.close();
  }
}
