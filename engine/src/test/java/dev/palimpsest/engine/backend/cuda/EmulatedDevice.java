package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/** The emulated driver of {@code native/emulator}, and what tests tell it. */
final class EmulatedDevice {
  private EmulatedDevice() {}

  /** Skips the test where there is none because there is no C++ compiler. */
  static void require() {
    Path folder = Cuda.emulator().orElseThrow();
    assumeTrue(
        Files.isDirectory(folder),
        folder + " is missing: native/ was built without a C++ compiler");
    assertThat(CudaBackend.failure()).isEmpty();
    assertThat(CudaBackend.device()).contains("emulated device (CPU)");
  }

  /** Sets the device's memory; 0 is the default of 8 GiB. */
  static void setMemory(long bytes) {
    try {
      function("palimpsest_emulator_memory", FunctionDescriptor.ofVoid(JAVA_LONG))
          .invokeExact(bytes);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** What is allocated: 0 when everything has been freed. */
  static long inUse() {
    try {
      return (long)
          function("palimpsest_emulator_in_use", FunctionDescriptor.of(JAVA_LONG)).invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Lets the next launch of a kernel fail. */
  static void fail(String kernel) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(kernel);
      function("palimpsest_emulator_fail", FunctionDescriptor.ofVoid(ADDRESS)).invokeExact(name);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Lets one launch of a kernel or a product fail when it runs, and one be refused when it is asked
   * for: each is the n-th from here, 0 for none.
   */
  static void failAt(int failed, int refused) {
    try {
      function("palimpsest_emulator_fail_at", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT))
          .invokeExact(failed, refused);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Lets no algorithm compute products over so many rows; 0: all do. */
  static void refuseRows(int rows) {
    try {
      function("palimpsest_emulator_refuse_rows", FunctionDescriptor.ofVoid(JAVA_INT))
          .invokeExact(rows);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** The first number of the device's compute capability; 0 is the default of 9. */
  static void setCapability(int major) {
    try {
      function("palimpsest_emulator_capability", FunctionDescriptor.ofVoid(JAVA_INT))
          .invokeExact(major);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * What algorithms products have.
   *
   * @param tiles that algorithms of one class of bits come with
   * @param deviatingTile the one whose sums are another class's after all; 0 for none
   * @param slowAlgorithm its products take a second by the events' clock; 0 for none
   * @param silentRows no algorithm of the class is proposed for so many rows, though it computes
   *     them; 0 for none
   * @param invariant whether any algorithm adds up alike for all numbers of rows
   */
  record Algorithms(
      int tiles,
      int deviatingTile,
      int slowAlgorithm,
      int slowTile,
      int silentRows,
      boolean invariant) {
    static final Algorithms DEFAULT = new Algorithms(1, 0, 0, 0, 0, true);

    Algorithms ofTiles(int count) {
      return new Algorithms(count, deviatingTile, slowAlgorithm, slowTile, silentRows, invariant);
    }

    Algorithms deviating(int tile) {
      return new Algorithms(tiles, tile, slowAlgorithm, slowTile, silentRows, invariant);
    }

    Algorithms slow(int algorithm, int tile) {
      return new Algorithms(tiles, deviatingTile, algorithm, tile, silentRows, invariant);
    }

    Algorithms silent(int rows) {
      return new Algorithms(tiles, deviatingTile, slowAlgorithm, slowTile, rows, invariant);
    }

    Algorithms varying() {
      return new Algorithms(tiles, deviatingTile, slowAlgorithm, slowTile, silentRows, false);
    }
  }

  static void set(Algorithms algorithms) {
    try {
      function(
              "palimpsest_emulator_products",
              FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT))
          .invokeExact(
              algorithms.tiles(),
              algorithms.deviatingTile(),
              algorithms.slowAlgorithm(),
              algorithms.slowTile(),
              algorithms.silentRows(),
              algorithms.invariant() ? 1 : 0);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  /** Lets the device do nothing, and leave its memory as it is: weights then take no room. */
  static void setIdle(boolean idle) {
    try {
      function("palimpsest_emulator_idle", FunctionDescriptor.ofVoid(JAVA_INT))
          .invokeExact(idle ? 1 : 0);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    Path library = Cuda.emulator().orElseThrow().resolve("libcuda.so.1");
    MemorySegment symbol = SymbolLookup.libraryLookup(library, Arena.global()).findOrThrow(name);
    return Linker.nativeLinker().downcallHandle(symbol, descriptor);
  }
}
