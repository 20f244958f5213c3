package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.CudaException;
import dev.palimpsest.bindings.cuda.Device;
import dev.palimpsest.bindings.cuda.Kernel;
import dev.palimpsest.bindings.cuda.KernelArguments;
import dev.palimpsest.bindings.cuda.KernelModule;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The kernels of this build, loaded into the device for one type of activations. */
final class Kernels implements AutoCloseable {
  private static final String IMAGE = "dev/palimpsest/kernels/palimpsest.fatbin";
  private static final int LEAST_MAJOR = 8;
  private static final int UNASKED_SHARED_BYTES = 48 << 10;
  private static final int THREADS = 256;
  private static final int MOST_BLOCKS = 1024;
  private static final int MOST_HEAD_SIZE = 128;
  private static final int UNKNOWN = -1;

  private final KernelModule module;
  private final String type;
  private final List<Entry> entries = new ArrayList<>();
  private final Map<String, Integer> indices = new HashMap<>();

  /** Indices by operation, and by head size: steps look them up hundreds of times. */
  private final Map<DeviceOp, Integer> ofOp = new EnumMap<>(DeviceOp.class);

  private final int[] ofHeadSize = new int[MOST_HEAD_SIZE + 1];
  private final KernelArguments arguments = new KernelArguments();

  private Kernels(KernelModule module, Precision precision) {
    this.module = module;
    type = precision.name().toLowerCase(Locale.ROOT);
    Arrays.fill(ofHeadSize, UNKNOWN);
  }

  private record Entry(DeviceOp op, Kernel kernel) {}

  /** Why this build's kernels cannot run on a device, in one sentence; empty if they can. */
  static Optional<String> failure(Device device) {
    if (device.major() < LEAST_MAJOR) {
      return Optional.of(
          "%s is %s, and the kernels are built for sm_80 and newer"
              .formatted(device.name(), device.architecture()));
    }
    if (Cuda.isEmulated() || Kernels.class.getClassLoader().getResource(IMAGE) != null) {
      return Optional.empty();
    }
    return Optional.of(
        "this build has no GPU kernels: nvcc was not found when it was made; install CUDA 13 or"
            + " name it in CUDA_HOME, and build again");
  }

  /**
   * Loads them into the current context.
   *
   * @throws DeviceException if the driver refuses them
   */
  static Kernels load(Precision precision) {
    try {
      return new Kernels(new KernelModule(image()), precision);
    } catch (CudaException e) {
      throw new DeviceException(
          "the driver refuses this build's kernels: "
              + e.getMessage()
              + "; it must be as new as the CUDA they were built with",
          e);
    }
  }

  private static byte[] image() {
    if (Cuda.isEmulated()) {
      return new byte[] {0};
    }
    try (InputStream in = Kernels.class.getClassLoader().getResourceAsStream(IMAGE)) {
      if (in == null) {
        throw new IllegalStateException(IMAGE + " is not on the class path");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The number of an operation's kernel. */
  @SuppressWarnings("EnumOrdinal") // the place in an array as long as the enum, kept nowhere
  int index(DeviceOp op) {
    Integer known = ofOp.get(op);
    if (known == null) {
      known = index(op, op.isTyped() ? op.kernel() + "_" + type : op.kernel(), 0);
      ofOp.put(op, known);
    }
    return known;
  }

  /**
   * Checks that there is an attention for a model.
   *
   * @param group heads that share a key head
   * @throws DeviceException if there is none
   */
  static void requireHeads(int headSize, int group) {
    if (headSize % 16 != 0 || headSize > MOST_HEAD_SIZE) {
      throw new DeviceException(
          "heads of "
              + headSize
              + " are not supported on a GPU, where they are 16 to 128 in steps of 16");
    }
    if (group > 64) {
      throw new DeviceException(group + " heads share a key head, and at most 64 may on a GPU");
    }
  }

  /** The number of the attention over heads of a size. */
  int attention(int headSize, int sharedBytes) {
    if (ofHeadSize[headSize] == UNKNOWN) {
      ofHeadSize[headSize] =
          index(
              DeviceOp.ATTENTION,
              DeviceOp.ATTENTION.kernel() + "_" + type + "_h" + headSize,
              sharedBytes);
    }
    return ofHeadSize[headSize];
  }

  private int index(DeviceOp op, String name, int sharedBytes) {
    Integer known = indices.get(name);
    if (known != null) {
      return known;
    }
    Kernel kernel = module.kernel(name);
    if (sharedBytes > UNASKED_SHARED_BYTES) {
      kernel.allowSharedBytes(sharedBytes);
    }
    entries.add(new Entry(op, kernel));
    indices.put(name, entries.size() - 1);
    return entries.size() - 1;
  }

  Kernel kernel(int index) {
    return entries.get(index).kernel();
  }

  /** What a kernel computes, and its arguments. */
  DeviceOp op(int index) {
    return entries.get(index).op();
  }

  /** The arguments of the next launch. */
  KernelArguments arguments() {
    return arguments.start();
  }

  /** Fills memory with normally distributed numbers. */
  void random(long address, long count, Stream stream) {
    Tape tape = new Tape();
    int kernel = index(DeviceOp.RANDOM);
    new Launch(tape)
        .begin(DeviceOp.RANDOM, kernel, MOST_BLOCKS, 1, THREADS, 0)
        .address(address)
        .value(count)
        .value(1L)
        .value(1f)
        .end();
    int _ = Launch.put(tape, 0, this, 0, stream);
  }

  @Override
  public void close() {
    module.close();
  }
}
