package dev.palimpsest.bindings.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.NativeLibrary;
import dev.palimpsest.unpack.LibraryCache;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcuda.driver.JCudaDriver;

/**
 * The CUDA driver of this machine.
 *
 * <p>Nothing here fails when it is absent: {@link #failure()} then says why, in one sentence.
 */
public final class Cuda {
  /**
   * The system property with the folder of the emulated driver, for tests: a CPU program that takes
   * the driver's place.
   */
  public static final String EMULATOR = "palimpsest.cuda.emulator";

  private static final String JCUDA = "/lib/libJCudaDriver-12.6.0-linux-x86_64.so";

  /** What came last to the driver of all that the engine calls: with 12.8. */
  private static final List<String> NEWEST_SYMBOLS =
      List.of("cuEventElapsedTime_v2", "cuGraphInstantiateWithFlags", "cuDeviceGetUuid_v2");

  private static final Driver DRIVER = Driver.open();

  private Cuda() {}

  /** Whether there is a driver and at least one device. */
  public static boolean isAvailable() {
    return DRIVER.failure().isEmpty();
  }

  /** Why CUDA cannot be used, in one sentence; empty when it can. */
  public static Optional<String> failure() {
    return DRIVER.failure();
  }

  /** Whether the driver is the emulated one, whose devices are this machine's CPU. */
  public static boolean isEmulated() {
    return emulator().isPresent();
  }

  /** The folder of the emulated driver, where tests ask for it. */
  public static Optional<Path> emulator() {
    return Optional.ofNullable(System.getProperty(EMULATOR)).map(Path::of);
  }

  /** The CUDA version that the driver supports: 12080 is 12.8. */
  public static int driverVersion() {
    requireAvailable();
    return DRIVER.version();
  }

  /** The devices that the driver shows, in its order. */
  public static List<Device> devices() {
    requireAvailable();
    return DRIVER.devices();
  }

  /**
   * Returns if there is a driver and a device.
   *
   * @throws IllegalStateException with the reason if there is not
   */
  public static void requireAvailable() {
    if (DRIVER.failure().isPresent()) {
      throw new IllegalStateException(DRIVER.failure().get());
    }
  }

  /** What loading found; without a driver only the reason. */
  private record Driver(int version, List<Device> devices, Optional<String> failure) {

    static Driver open() {
      String system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
      if (!system.equals("Linux amd64")) {
        return unavailable("CUDA is supported on Linux amd64 only and this is " + system);
      }
      try {
        return emulator().isPresent()
            ? initialized(
                NativeLibrary.load(List.of(emulator().get().resolve("libcuda.so.1") + "")))
            : initialized(NativeLibrary.load(List.of("libcuda.so.1")));
      } catch (IOException e) {
        return unavailable(
            "no NVIDIA driver is installed: its library could not be loaded ("
                + e.getMessage()
                + ")");
      } catch (CudaException e) {
        return unavailable("the NVIDIA driver does not answer: " + e.getMessage());
      } catch (RuntimeException | LinkageError e) {
        return unavailable("CUDA could not be set up: " + e);
      }
    }

    private static Driver unavailable(String reason) {
      return new Driver(0, List.of(), Optional.of(reason));
    }

    private static Driver initialized(Path library) {
      for (String symbol : NEWEST_SYMBOLS) {
        if (CudaDriver.SYMBOL_LOOKUP.find(symbol).isEmpty()) {
          return unavailable(
              "the NVIDIA driver is too old: "
                  + library
                  + " lacks "
                  + symbol
                  + "; CUDA 12.8 (driver 570) or newer is needed");
        }
      }
      int status = CudaDriver.cuInit(0);
      if (status == CudaDriver.CUDA_ERROR_NO_DEVICE()) {
        return unavailable("the NVIDIA driver is installed and finds no GPU");
      }
      Status.check("cuInit", status);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment number = arena.allocate(JAVA_INT);
        Status.check("cuDriverGetVersion", CudaDriver.cuDriverGetVersion(number));
        int version = number.get(JAVA_INT, 0);
        Status.check("cuDeviceGetCount", CudaDriver.cuDeviceGetCount(number));
        int count = number.get(JAVA_INT, 0);
        if (count == 0) {
          return unavailable("the NVIDIA driver is installed and finds no GPU");
        }
        List<Device> devices = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          devices.add(Device.read(i));
        }
        return jcudaFailure()
            .map(Driver::unavailable)
            .orElse(new Driver(version, List.copyOf(devices), Optional.empty()));
      }
    }

    /**
     * Loads JCuda. It loads whatever file of its library's name lies in the temporary folder, so
     * for that moment the temporary folder is one that only this user writes to, and whose file has
     * been verified.
     */
    private static Optional<String> jcudaFailure() {
      String temporary = System.getProperty("java.io.tmpdir");
      try {
        Path folder = LibraryCache.ofUser().unpack("jcuda", JCUDA);
        System.setProperty("java.io.tmpdir", folder.toString());
        JCudaDriver.setExceptionsEnabled(false);
        return Optional.empty();
      } catch (IOException | RuntimeException | LinkageError e) {
        String message = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        return Optional.of("JCuda could not be loaded: " + message);
      } finally {
        System.setProperty("java.io.tmpdir", temporary);
      }
    }
  }
}
