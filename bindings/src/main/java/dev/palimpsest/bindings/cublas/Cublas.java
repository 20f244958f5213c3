package dev.palimpsest.bindings.cublas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.NativeLibrary;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.CudaException;
import dev.palimpsest.bindings.cuda.Stream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * cuBLASLt in the calling thread's context.
 *
 * <p>The library is looked for where the dynamic loader looks, then in {@code $CUDA_HOME} and
 * {@code /usr/local/cuda}; version 13 before 12.
 */
public final class Cublas implements AutoCloseable {
  private static final List<String> NAMES = List.of("libcublasLt.so.13", "libcublasLt.so.12");

  private static final MemorySegment ONE = Arena.global().allocateFrom(JAVA_FLOAT, 1);
  private static final MemorySegment ZERO = Arena.global().allocateFrom(JAVA_FLOAT, 0);

  private static final Optional<String> FAILURE = open();

  private final MemorySegment handle;
  private boolean open = true;

  /** Sets the library up; {@link #isAvailable} holds. */
  public Cublas() {
    if (FAILURE.isPresent()) {
      throw new IllegalStateException(FAILURE.get());
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocate(ADDRESS);
      check("cublasLtCreate", CublasLt.cublasLtCreate(pointer));
      handle = pointer.get(ADDRESS, 0);
    }
  }

  /** Whether the library is loaded. */
  public static boolean isAvailable() {
    return FAILURE.isEmpty();
  }

  /** Why the library cannot be used, in one sentence; empty when it can. */
  public static Optional<String> failure() {
    return FAILURE;
  }

  /** The library's version as one number: 130101 is 13.1.1. */
  public static long version() {
    return CublasLt.cublasLtGetVersion();
  }

  private static Optional<String> open() {
    if (!Cuda.isAvailable()) {
      return Cuda.failure();
    }
    try {
      Path _ = NativeLibrary.load(candidates());
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(
          "cuBLASLt could not be loaded; install cuBLAS 13 or 12, or name its folder in"
              + " LD_LIBRARY_PATH ("
              + e.getMessage()
              + ")");
    } catch (RuntimeException | LinkageError e) {
      return Optional.of("cuBLASLt could not be set up: " + e);
    }
  }

  private static List<String> candidates() {
    List<String> candidates = new ArrayList<>();
    if (Cuda.emulator().isPresent()) {
      candidates.add(Cuda.emulator().get().resolve(NAMES.getFirst()).toString());
      return candidates;
    }
    String home = System.getenv("CUDA_HOME");
    for (String name : NAMES) {
      candidates.add(name);
      if (home != null && !home.isBlank()) {
        candidates.add(Path.of(home, "lib64", name).toString());
      }
      candidates.add(Path.of("/usr/local/cuda/lib64", name).toString());
    }
    return candidates;
  }

  /**
   * {@code d = aᵀ · b}, or that added to {@code d}, in the stream's order.
   *
   * @param add whether the product is added to what is there
   * @param a address in the device's memory, as are {@code b}, {@code d} and {@code workspace}
   * @param algorithm of a heuristic for this product, or a checked one
   */
  public void multiply(
      MatmulDescriptor descriptor,
      boolean add,
      long a,
      MatrixLayout aLayout,
      long b,
      MatrixLayout bLayout,
      long d,
      MatrixLayout dLayout,
      MatmulAlgorithm algorithm,
      long workspace,
      long workspaceBytes,
      Stream stream) {
    MemorySegment target = MemorySegment.ofAddress(d);
    int status =
        CublasLt.cublasLtMatmul(
            handle,
            descriptor.handle(),
            ONE,
            MemorySegment.ofAddress(a),
            aLayout.handle(),
            MemorySegment.ofAddress(b),
            bLayout.handle(),
            add ? ONE : ZERO,
            target,
            dLayout.handle(),
            target,
            dLayout.handle(),
            algorithm.segment(),
            MemorySegment.ofAddress(workspace),
            workspaceBytes,
            stream.address());
    if (status != 0) {
      check("cublasLtMatmul", status);
    }
  }

  MemorySegment handle() {
    return handle;
  }

  static void check(String call, int status) {
    if (status != CublasLt.CUBLAS_STATUS_SUCCESS()) {
      throw new CudaException(
          call,
          text(CublasLt.cublasLtGetStatusName(status)),
          text(CublasLt.cublasLtGetStatusString(status)));
    }
  }

  private static String text(MemorySegment pointer) {
    return pointer.reinterpret(Long.MAX_VALUE).getString(0);
  }

  @Override
  public void close() {
    if (open) {
      open = false;
      check("cublasLtDestroy", CublasLt.cublasLtDestroy(handle));
    }
  }
}
