package dev.palimpsest.bindings.cublas;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A way to compute a product: a kernel and how it cuts its work up. Its 64 bytes may be kept and
 * used again with the same version of the library on the same kind of device.
 */
public final class MatmulAlgorithm {
  /** Its size. */
  public static final int BYTES = Math.toIntExact(cublasLtMatmulAlgo_t.sizeof());

  private final MemorySegment segment;

  private MatmulAlgorithm(MemorySegment segment) {
    this.segment = segment;
  }

  /** An algorithm whose bytes were kept. */
  public static MatmulAlgorithm of(byte[] bytes) {
    MemorySegment segment = Arena.ofAuto().allocate(cublasLtMatmulAlgo_t.layout());
    MemorySegment.copy(bytes, 0, segment, JAVA_BYTE, 0, BYTES);
    return new MatmulAlgorithm(segment);
  }

  /**
   * The library's proposals for a product, the most promising first.
   *
   * @param workspaceBytes that an algorithm may use
   * @param alignment of all addresses, in bytes
   * @param splitting whether algorithms may cut the inner dimension into pieces and add those up;
   *     how many pieces then depends on the number of columns
   * @param most how many proposals are wanted
   */
  public static List<MatmulAlgorithm> propose(
      Cublas cublas,
      MatmulDescriptor descriptor,
      MatrixLayout a,
      MatrixLayout b,
      MatrixLayout d,
      long workspaceBytes,
      int alignment,
      boolean splitting,
      int most) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pointer = arena.allocate(ADDRESS);
      Cublas.check(
          "cublasLtMatmulPreferenceCreate", CublasLt.cublasLtMatmulPreferenceCreate(pointer));
      MemorySegment preference = pointer.get(ADDRESS, 0);
      try {
        prefer(
            preference,
            CublasLt.CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES(),
            arena.allocateFrom(JAVA_LONG, workspaceBytes));
        MemorySegment aligned = arena.allocateFrom(JAVA_INT, alignment);
        prefer(preference, CublasLt.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES(), aligned);
        prefer(preference, CublasLt.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES(), aligned);
        prefer(preference, CublasLt.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES(), aligned);
        prefer(preference, CublasLt.CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES(), aligned);
        if (!splitting) {
          prefer(
              preference,
              CublasLt.CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK(),
              arena.allocateFrom(JAVA_INT, CublasLt.CUBLASLT_REDUCTION_SCHEME_NONE()));
        }
        MemorySegment results = cublasLtMatmulHeuristicResult_t.allocateArray(most, arena);
        MemorySegment count = arena.allocate(JAVA_INT);
        int status =
            CublasLt.cublasLtMatmulAlgoGetHeuristic(
                cublas.handle(),
                descriptor.handle(),
                a.handle(),
                b.handle(),
                d.handle(),
                d.handle(),
                preference,
                most,
                results,
                count);
        if (status == CublasLt.CUBLAS_STATUS_NOT_SUPPORTED()) {
          return List.of();
        }
        Cublas.check("cublasLtMatmulAlgoGetHeuristic", status);
        List<MatmulAlgorithm> proposals = new ArrayList<>();
        for (int i = 0; i < count.get(JAVA_INT, 0); i++) {
          MemorySegment result = cublasLtMatmulHeuristicResult_t.asSlice(results, i);
          if (cublasLtMatmulHeuristicResult_t.state(result) == CublasLt.CUBLAS_STATUS_SUCCESS()) {
            proposals.add(of(cublasLtMatmulHeuristicResult_t.algo(result).toArray(JAVA_BYTE)));
          }
        }
        return proposals;
      } finally {
        int _ = CublasLt.cublasLtMatmulPreferenceDestroy(preference);
      }
    }
  }

  private static void prefer(MemorySegment preference, int attribute, MemorySegment value) {
    Cublas.check(
        "cublasLtMatmulPreferenceSetAttribute",
        CublasLt.cublasLtMatmulPreferenceSetAttribute(
            preference, attribute, value, value.byteSize()));
  }

  /**
   * The workspace that this algorithm needs for a product.
   *
   * @return bytes; empty if it cannot compute it
   */
  public Optional<Long> workspaceBytes(
      Cublas cublas, MatmulDescriptor descriptor, MatrixLayout a, MatrixLayout b, MatrixLayout d) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = cublasLtMatmulHeuristicResult_t.allocate(arena);
      int status =
          CublasLt.cublasLtMatmulAlgoCheck(
              cublas.handle(),
              descriptor.handle(),
              a.handle(),
              b.handle(),
              d.handle(),
              d.handle(),
              segment,
              result);
      return status == CublasLt.CUBLAS_STATUS_SUCCESS()
          ? Optional.of(cublasLtMatmulHeuristicResult_t.workspaceSize(result))
          : Optional.empty();
    }
  }

  /** The library's number of the kernels it is one of. */
  public int id() {
    return configuration(CublasLt.CUBLASLT_ALGO_CONFIG_ID());
  }

  /** The library's number of how its kernel reads ahead. */
  public int stages() {
    return configuration(CublasLt.CUBLASLT_ALGO_CONFIG_STAGES_ID());
  }

  /** The number of pieces that the inner dimension is cut into. */
  public int pieces() {
    return configuration(CublasLt.CUBLASLT_ALGO_CONFIG_SPLITK_NUM());
  }

  /** The library's numbers for this algorithm, in words. */
  public String describe() {
    return "algorithm "
        + id()
        + ", tile "
        + configuration(CublasLt.CUBLASLT_ALGO_CONFIG_TILE_ID())
        + ", stages "
        + stages();
  }

  private int configuration(int attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment value = arena.allocate(JAVA_INT);
      MemorySegment written = arena.allocate(JAVA_LONG);
      Cublas.check(
          "cublasLtMatmulAlgoConfigGetAttribute",
          CublasLt.cublasLtMatmulAlgoConfigGetAttribute(
              segment, attribute, value, value.byteSize(), written));
      return value.get(JAVA_INT, 0);
    }
  }

  /** Its bytes, to be kept. */
  public byte[] toBytes() {
    return segment.toArray(JAVA_BYTE);
  }

  MemorySegment segment() {
    return segment;
  }
}
