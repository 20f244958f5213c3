package dev.palimpsest.tests.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.CudaException;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Kernel;
import dev.palimpsest.bindings.cuda.KernelArguments;
import dev.palimpsest.bindings.cuda.KernelModule;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The same kernels on a device: a test's buffers go there before a launch, guard bytes included,
 * and come back after it. {@code -Dpalimpsest.kernels.device=true} makes the tests of kernels use
 * it.
 */
final class DeviceKernels {
  private static final String IMAGE = "/dev/palimpsest/kernels/palimpsest.fatbin";
  private static final int FREE_SHARED_BYTES = 48 << 10;
  private static final Optional<DeviceKernels> WANTED =
      Boolean.getBoolean("palimpsest.kernels.device")
          ? Optional.of(new DeviceKernels())
          : Optional.empty();

  private final KernelModule module;
  private final Stream stream;
  private final Set<String> launched = new HashSet<>();

  private DeviceKernels() {
    Context _ = Context.retain(Cuda.devices().getFirst());
    module = new KernelModule(image());
    stream = new Stream();
  }

  static Optional<DeviceKernels> ifWanted() {
    return WANTED;
  }

  /** The names of the kernels that ran. */
  Set<String> launched() {
    return Set.copyOf(launched);
  }

  private static byte[] image() {
    if (Cuda.isEmulated()) {
      return new byte[] {0};
    }
    try (InputStream in = DeviceKernels.class.getResourceAsStream(IMAGE)) {
      if (in == null) {
        throw new IllegalStateException("this build has no fatbin");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Runs a kernel with one-dimensional blocks.
   *
   * @param buffers all that it may touch
   * @param arguments ints, longs, floats, and segments that are buffers or lie in them
   * @return an empty text, or why the launch failed
   */
  String launch(
      String kernel,
      int gridX,
      int gridY,
      int block,
      int shared,
      List<MemorySegment> buffers,
      List<Object> arguments) {
    List<DeviceMemory> copies = new ArrayList<>();
    List<PinnedMemory> pinned = new ArrayList<>();
    try {
      for (MemorySegment buffer : buffers) {
        PinnedMemory host = PinnedMemory.allocate(buffer.byteSize());
        pinned.add(host);
        host.segment().copyFrom(buffer);
        DeviceMemory copy = DeviceMemory.allocate(buffer.byteSize());
        copies.add(copy);
        copy.copyFrom(host, 0, 0, buffer.byteSize(), stream);
      }
      KernelArguments values = new KernelArguments();
      for (Object argument : arguments) {
        switch (argument) {
          case Integer value -> values.add(value);
          case Long value -> values.add(value);
          case Float value -> values.add(value);
          case MemorySegment segment -> values.add(translate(segment, buffers, copies));
          default -> throw new AssertionError("no kernel takes a " + argument.getClass());
        }
      }
      Kernel function = module.kernel(kernel);
      if (shared > FREE_SHARED_BYTES) {
        function.allowSharedBytes(shared);
      }
      function.launch(stream, gridX, gridY, 1, block, shared, values);
      for (int i = 0; i < copies.size(); i++) {
        copies.get(i).copyTo(pinned.get(i), 0, 0, buffers.get(i).byteSize(), stream);
      }
      stream.synchronize();
      launched.add(kernel);
      for (int i = 0; i < copies.size(); i++) {
        MemorySegment.copy(
            pinned.get(i).segment(),
            JAVA_BYTE,
            0,
            buffers.get(i),
            JAVA_BYTE,
            0,
            buffers.get(i).byteSize());
      }
      return "";
    } catch (CudaException e) {
      return String.valueOf(e.getMessage());
    } finally {
      copies.forEach(DeviceMemory::close);
      pinned.forEach(PinnedMemory::close);
    }
  }

  private static long translate(
      MemorySegment segment, List<MemorySegment> buffers, List<DeviceMemory> copies) {
    for (int i = 0; i < buffers.size(); i++) {
      long offset = segment.address() - buffers.get(i).address();
      if (offset >= 0 && offset < buffers.get(i).byteSize()) {
        return copies.get(i).address() + offset;
      }
    }
    return segment.address();
  }
}
