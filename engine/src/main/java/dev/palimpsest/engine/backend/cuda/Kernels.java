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
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The kernels of this build, loaded into the device for one type of activations. */
final class Kernels implements AutoCloseable {
  private static final String FOLDER = "dev/palimpsest/kernels/";
  private static final String IMAGE = FOLDER + "palimpsest.fatbin";
  private static final String ARCHITECTURES = FOLDER + "architectures.txt";
  private static final int LEAST_MAJOR = 8;
  private static final int LEAST_EARLY_MAJOR = 9;
  private static final int UNASKED_SHARED_BYTES = 48 << 10;
  private static final int THREADS = 256;
  private static final int MOST_BLOCKS = 1024;
  private static final int MOST_TUNED_HEAD_SIZE = 128;
  private static final int MOST_HEAD_SIZE = 256;

  /** Of DiffusionGemma's layers that see all keys; computed without tensor cores. */
  private static final int WIDEST_HEAD_SIZE = 512;

  private static final int[] ANY_SIZE = {0};

  private final Precision precision;
  private final KernelModule module;

  /** By their operation and the size of heads that they are for, 0 for any. */
  private final Map<DeviceOp, Map<Integer, Kernel>> kernels;

  private final boolean startEarly;
  private final KernelArguments arguments = new KernelArguments();

  private Kernels(
      Precision precision,
      KernelModule module,
      Map<DeviceOp, Map<Integer, Kernel>> kernels,
      boolean startEarly) {
    this.precision = precision;
    this.startEarly = startEarly;
    this.module = module;
    this.kernels = kernels;
  }

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

  /** What of this build's kernels a device runs, or what there is if there is no device. */
  static String describe(Optional<Device> device) {
    if (Cuda.isEmulated()) {
      return "compiled for the CPU, which the emulated device is";
    }
    List<String> built = architectures();
    if (built.isEmpty()) {
      return "none: nvcc was not found when this build was made";
    }
    return device
        .map(
            each ->
                KernelCode.of(each, built)
                    .map(KernelCode::describe)
                    .orElseGet(() -> "none for %s".formatted(each.architecture())))
        .orElseGet(() -> "built for " + String.join(", ", built));
  }

  /** What this build's kernels are compiled for; nothing without nvcc. */
  private static List<String> architectures() {
    return resource(ARCHITECTURES)
        .map(bytes -> new String(bytes, StandardCharsets.US_ASCII).lines().toList())
        .orElse(List.of());
  }

  /**
   * Loads all of them into the current context: a step asks the driver for none.
   *
   * @param device the context's
   * @param headSizes what {@link #requireHeads} accepts
   * @throws DeviceException if the driver refuses them
   */
  static Kernels load(Device device, Precision precision, int... headSizes) {
    String type = "_" + precision.name().toLowerCase(Locale.ROOT);
    Map<DeviceOp, Map<Integer, Kernel>> kernels = new EnumMap<>(DeviceOp.class);
    @Nullable KernelModule module = null;
    boolean loaded = false;
    try {
      module = new KernelModule(image());
      for (DeviceOp op : DeviceOp.values()) {
        String name = op.kernel() + (op.isTyped() ? type : "");
        Map<Integer, Kernel> sized = new HashMap<>();
        for (int size : op.isSized() ? headSizes : ANY_SIZE) {
          Kernel kernel = module.kernel(name + (op.isSized() ? "_h" + size : ""));
          if (op.isSized() && sharedBytes(precision, size) > UNASKED_SHARED_BYTES) {
            kernel.allowSharedBytes(sharedBytes(precision, size));
          }
          sized.put(size, kernel);
        }
        kernels.put(op, sized);
      }
      loaded = true;
      return new Kernels(precision, module, kernels, device.major() >= LEAST_EARLY_MAJOR);
    } catch (CudaException e) {
      throw new DeviceException(
          "the driver refuses this build's kernels: "
              + e.getMessage()
              + "; it must be as new as the CUDA they were built with",
          e);
    } finally {
      if (!loaded && module != null) {
        Release.one(module);
      }
    }
  }

  /**
   * What a block of an attention takes: at most 98.25 KB, where every device since sm_80 has 99.
   */
  static int sharedBytes(Precision precision, int headSize) {
    if (headSize == WIDEST_HEAD_SIZE) {
      return precision == Precision.BF16 ? 66_816 : 100_608;
    }
    boolean isTuned = headSize <= MOST_TUNED_HEAD_SIZE;
    int keys = headSize <= 160 ? 64 : headSize <= 224 ? 32 : 16;
    return switch (precision) {
      case BF16 -> isTuned ? 512 * (headSize + 8) : 256 * headSize + 4 * keys * (headSize + 8);
      case F32 -> isTuned ? 512 * headSize + 8704 : 320 * headSize + 4352;
    };
  }

  private static byte[] image() {
    if (Cuda.isEmulated()) {
      return new byte[] {0};
    }
    return resource(IMAGE)
        .orElseThrow(() -> new IllegalStateException(IMAGE + " is not on the class path"));
  }

  private static Optional<byte[]> resource(String name) {
    try (InputStream in = Kernels.class.getClassLoader().getResourceAsStream(name)) {
      return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Checks that there is an attention for a model.
   *
   * @param group heads that share a key head
   * @throws DeviceException if there is none
   */
  static void requireHeads(int headSize, int group) {
    int step = headSize <= MOST_TUNED_HEAD_SIZE ? 16 : 32;
    if (headSize != WIDEST_HEAD_SIZE && (headSize % step != 0 || headSize > MOST_HEAD_SIZE)) {
      throw new DeviceException(
          "heads of "
              + headSize
              + " are not supported on a GPU, where they are 16 to 128 in steps of 16,"
              + " 160 to 256 in steps of 32, or 512");
    }
    if (group > 64) {
      throw new DeviceException(group + " heads share a key head, and at most 64 may on a GPU");
    }
  }

  /** Whether the device can start a kernel before the one ahead of it in the stream has ended. */
  boolean startEarly() {
    return startEarly;
  }

  /**
   * The kernel of an operation.
   *
   * @param headSize if there is one for each size of heads, else 0
   */
  Kernel kernel(DeviceOp op, int headSize) {
    return Objects.requireNonNull(
        Objects.requireNonNull(kernels.get(op)).get(headSize), op.kernel());
  }

  /** The arguments of the next launch. */
  KernelArguments arguments() {
    return arguments.start();
  }

  /** Fills memory with normally distributed numbers of the kernels' type. */
  void random(long address, long bytes, Stream stream) {
    Tape tape = new Tape();
    new Launch(tape)
        .begin(DeviceOp.RANDOM, MOST_BLOCKS, 1, THREADS, 0)
        .address(address)
        .value(bytes / CudaWeight.elementBytes(precision))
        .value(1L)
        .value(1f)
        .end();
    int _ = Launch.put(tape, 0, this, 0, false, stream);
  }

  @Override
  public void close() {
    module.close();
  }
}
