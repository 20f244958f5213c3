package dev.palimpsest.bindings.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.unpack.LibraryCache;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Matrix products of oneDNN, on row-major matrices in native memory.
 *
 * <p>Every call runs on the calling thread alone: the engine's own threads own the cores, so OpenMP
 * is told to use one thread before it is loaded, and none of its workers ever spins.
 */
public final class OneDnn {
  private static final String RESOURCES = "/org/bytedeco/dnnl/linux-x86_64/";
  private static final String OPENMP = "libgomp.so.1";
  private static final String DNNL = "libdnnl.so.3";
  private static final int AVX512_CORE_BF16 = 0xe7;

  /** The right-hand matrix is used as it is stored. */
  public static final byte NO_TRANSPOSE = 'N';

  /** The right-hand matrix is used transposed. */
  public static final byte TRANSPOSE = 'T';

  private static final Binding BINDING = Binding.load();

  private OneDnn() {}

  /** Whether the library is loaded and can be called. */
  public static boolean isAvailable() {
    return BINDING.failure().isEmpty();
  }

  /** Why the library cannot be called, in one sentence; empty when it can. */
  public static Optional<String> failure() {
    return BINDING.failure();
  }

  /** Whether this CPU multiplies bf16 matrices natively (AVX512-BF16 or AMX). */
  public static boolean hasFastBf16() {
    return (BINDING.isa() & AVX512_CORE_BF16) == AVX512_CORE_BF16;
  }

  /** The library's version and the instruction set it uses here, in words. */
  public static String describe() {
    return "oneDNN "
        + BINDING.version()
        + ", instruction set 0x"
        + Integer.toHexString(BINDING.isa());
  }

  /**
   * {@code c = a · op(b) + beta · c} in f32.
   *
   * @param transpose {@link #TRANSPOSE} where {@code b} is [n, k], {@link #NO_TRANSPOSE} where it
   *     is [k, n]
   * @param m rows of {@code a} and {@code c}
   * @param n columns of {@code c}
   * @param k columns of {@code a}
   * @param a [m, k]
   * @param c [m, n]
   */
  public static void sgemm(
      byte transpose, long m, long n, long k, Matrix a, Matrix b, float beta, Matrix c) {
    long aAddress = address(a);
    long bAddress = address(b);
    long cAddress = address(c);
    long lda = a.stride();
    long ldb = b.stride();
    long ldc = c.stride();
    int status;
    try {
      status =
          (int)
              BINDING
                  .sgemm()
                  .invokeExact(
                      NO_TRANSPOSE,
                      transpose,
                      m,
                      n,
                      k,
                      1f,
                      aAddress,
                      lda,
                      bAddress,
                      ldb,
                      beta,
                      cAddress,
                      ldc);
    } catch (Throwable e) {
      throw unexpected(e);
    }
    check("dnnl_sgemm", status);
  }

  /**
   * {@code c = a · bᵀ + beta · c} with {@code a}, [m, k], and {@code b}, [n, k], in bf16; {@code
   * c}, [m, n], and the sums in f32.
   */
  public static void gemmBf16(long m, long n, long k, Matrix a, Matrix b, float beta, Matrix c) {
    long aAddress = address(a);
    long bAddress = address(b);
    long cAddress = address(c);
    long lda = a.stride();
    long ldb = b.stride();
    long ldc = c.stride();
    int status;
    try {
      status =
          (int)
              BINDING
                  .gemmBf16()
                  .invokeExact(
                      NO_TRANSPOSE,
                      TRANSPOSE,
                      m,
                      n,
                      k,
                      1f,
                      aAddress,
                      lda,
                      bAddress,
                      ldb,
                      beta,
                      cAddress,
                      ldc);
    } catch (Throwable e) {
      throw unexpected(e);
    }
    check("dnnl_gemm_bf16bf16f32", status);
  }

  private static long address(Matrix matrix) {
    if (!matrix.segment().scope().isAlive()) {
      throw new IllegalStateException("Already closed");
    }
    return matrix.segment().address() + matrix.at();
  }

  private static void check(String call, int status) {
    if (status != 0) {
      throw new OneDnnException(call, status);
    }
  }

  private static IllegalStateException unexpected(Throwable e) {
    return new IllegalStateException(
        BINDING.failure().orElse("a call into oneDNN failed before it reached the library"), e);
  }

  /**
   * The library's functions; where it could not be loaded they throw, and {@code failure} says why.
   */
  private record Binding(
      MethodHandle sgemm,
      MethodHandle gemmBf16,
      int isa,
      String version,
      Optional<String> failure) {

    // Addresses as numbers: a segment argument would be acquired and released around every call.
    private static final FunctionDescriptor GEMM =
        FunctionDescriptor.of(
            JAVA_INT,
            JAVA_BYTE,
            JAVA_BYTE,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_FLOAT,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_FLOAT,
            JAVA_LONG,
            JAVA_LONG);

    static Binding load() {
      String system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
      if (!system.equals("Linux amd64")) {
        return unavailable("oneDNN is bundled for Linux amd64 only and this is " + system);
      }
      if (Boolean.getBoolean("palimpsest.onednn.disabled")) {
        return unavailable("oneDNN is switched off by -Dpalimpsest.onednn.disabled=true");
      }
      try {
        Path folder = LibraryCache.ofUser().unpack("onednn", RESOURCES + OPENMP, RESOURCES + DNNL);
        useOneOpenMpThread();
        open(folder, OPENMP);
        SymbolLookup dnnl = open(folder, DNNL);
        int isa = (int) function(dnnl, "dnnl_get_effective_cpu_isa", JAVA_INT).invokeExact();
        MemorySegment version =
            (MemorySegment) function(dnnl, "dnnl_version", ADDRESS).invokeExact();
        return new Binding(
            Linker.nativeLinker().downcallHandle(dnnl.findOrThrow("dnnl_sgemm"), GEMM),
            Linker.nativeLinker().downcallHandle(dnnl.findOrThrow("dnnl_gemm_bf16bf16f32"), GEMM),
            isa,
            versionText(version.reinterpret(3 * JAVA_INT.byteSize())),
            Optional.empty());
      } catch (IOException | RuntimeException e) {
        return unavailable("oneDNN could not be loaded: " + e.getMessage());
      } catch (Throwable e) {
        return unavailable("oneDNN could not be loaded: " + e);
      }
    }

    private static Binding unavailable(String reason) {
      MethodHandle none =
          MethodHandles.dropArguments(
              MethodHandles.throwException(int.class, IllegalStateException.class)
                  .bindTo(new IllegalStateException(reason)),
              0,
              GEMM.toMethodType().parameterList());
      return new Binding(none, none, 0, "", Optional.of(reason));
    }

    private static MethodHandle function(SymbolLookup library, String name, MemoryLayout result) {
      return Linker.nativeLinker()
          .downcallHandle(library.findOrThrow(name), FunctionDescriptor.of(result));
    }

    private static SymbolLookup open(Path folder, String library) {
      return SymbolLookup.libraryLookup(folder.resolve(library), Arena.global());
    }

    private static String versionText(MemorySegment version) {
      return version.getAtIndex(JAVA_INT, 0)
          + "."
          + version.getAtIndex(JAVA_INT, 1)
          + "."
          + version.getAtIndex(JAVA_INT, 2);
    }

    private static void useOneOpenMpThread() throws Throwable {
      Linker linker = Linker.nativeLinker();
      MethodHandle setenv =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("setenv"),
              FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
      try (Arena arena = Arena.ofConfined()) {
        int ignored =
            (int)
                setenv.invokeExact(
                    arena.allocateFrom("OMP_NUM_THREADS"), arena.allocateFrom("1"), 1);
      }
    }
  }
}
