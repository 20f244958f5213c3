package dev.palimpsest.tests.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** A library of kernels that run on the CPU, built by {@code native}. */
final class KernelLibrary {
  private static final Path FOLDER =
      Path.of(System.getProperty("palimpsest.home", ".."), "native", "target");

  private final MethodHandle launch;
  private final MethodHandle error;
  private final MethodHandle names;
  private final MethodHandle descending;
  private final MethodHandle early;

  private KernelLibrary(Path file) {
    SymbolLookup symbols = SymbolLookup.libraryLookup(file, Arena.global());
    MethodHandle[] handles = {
      bind(
          symbols,
          "palimpsest_launch",
          FunctionDescriptor.of(
              JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
              JAVA_INT, ADDRESS)),
      bind(symbols, "palimpsest_error", FunctionDescriptor.of(ADDRESS)),
      bind(symbols, "palimpsest_kernel_names", FunctionDescriptor.of(ADDRESS)),
      bind(symbols, "palimpsest_descending", FunctionDescriptor.ofVoid(JAVA_INT)),
      bind(symbols, "palimpsest_early", FunctionDescriptor.ofVoid(JAVA_INT)),
    };
    launch = handles[0];
    error = handles[1];
    names = handles[2];
    descending = handles[3];
    early = handles[4];
  }

  private static MethodHandle bind(
      SymbolLookup symbols, String name, FunctionDescriptor descriptor) {
    return Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor);
  }

  /** The library, or a skipped test that says why there is none. */
  static KernelLibrary assumed(String name) {
    Path file = FOLDER.resolve("host").resolve("lib" + name + ".so");
    Assumptions.assumeTrue(
        Files.exists(file),
        () ->
            "no "
                + file
                + ": it takes CMake and a C++ compiler; native/build says what is missing");
    return new KernelLibrary(file);
  }

  static KernelLibrary assumed() {
    return assumed("palimpsest_kernels_host");
  }

  /** Whether launches from here on start before the one ahead has ended, and so have to wait. */
  void startEarly(boolean whether) {
    try {
      early.invokeExact(whether ? 1 : 0);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  /** What {@code native} leaves beside the library. */
  static Path folder() {
    return FOLDER;
  }

  /**
   * Runs a kernel with one-dimensional blocks.
   *
   * @param parameters the address of every parameter
   * @return an empty text, or why the launch failed
   */
  String launch(
      String kernel,
      int gridX,
      int gridY,
      int block,
      int shared,
      boolean inDescendingOrder,
      MemorySegment parameters) {
    try (Arena arena = Arena.ofConfined()) {
      descending.invokeExact(inDescendingOrder ? 1 : 0);
      int status =
          (int)
              launch.invokeExact(
                  arena.allocateFrom(kernel), gridX, gridY, 1, block, 1, 1, shared, parameters);
      return status == 0 ? "" : text((MemorySegment) error.invokeExact());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  List<String> kernelNames() {
    try {
      return List.of(text((MemorySegment) names.invokeExact()).split("\n", -1));
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static String text(MemorySegment address) {
    return address.reinterpret(Long.MAX_VALUE).getString(0);
  }
}
