package dev.palimpsest.engine.backend.host;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** oneDNN's f32 product on the calling thread. */
record OneDnnGemm() implements Gemm {
  private static final int MOST = 128;

  /**
   * Whether the library, on this CPU, gives an element the same bits however few rows and columns
   * are multiplied with it, and however many zeros follow in its sum: what {@link Linear} and
   * {@link Attention} rest on where a text is computed in parts. Tried out on a few products, in
   * less than a millisecond.
   */
  static boolean isSteady() {
    SplittableRandom random = new SplittableRandom(1);
    OneDnnGemm gemm = new OneDnnGemm();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = normal(random, arena);
      MemorySegment b = normal(random, arena);
      for (int n = Linear.STEP; n <= MOST; n += Linear.STEP) {
        if (!isSteadyTransposed(gemm, arena, a, b, n) || !isSteady(gemm, arena, a, b, n)) {
          return false;
        }
      }
      return true;
    }
  }

  private static MemorySegment normal(SplittableRandom random, Arena arena) {
    MemorySegment matrix = arena.allocate(JAVA_FLOAT, MOST * MOST);
    for (int i = 0; i < MOST * MOST; i++) {
      matrix.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return matrix;
  }

  /** Fewer rows and columns against a whole tile of both. */
  private static boolean isSteadyTransposed(
      OneDnnGemm gemm, Arena arena, MemorySegment a, MemorySegment b, int n) {
    MemorySegment few = arena.allocate(JAVA_FLOAT, Linear.FEW_ROWS * MOST);
    MemorySegment all = arena.allocate(JAVA_FLOAT, Linear.ROW_TILE * MOST);
    for (int k : new int[] {10, 16, 64, 100, MOST}) {
      gemm.timesTransposed(Linear.FEW_ROWS, n, k, a, 0, MOST, b, 0, MOST, 0, few, 0, MOST);
      gemm.timesTransposed(Linear.ROW_TILE, MOST, k, a, 0, MOST, b, 0, MOST, 0, all, 0, MOST);
      if (!isSame(few, all, n)) {
        return false;
      }
    }
    return true;
  }

  /** A sum that ends against one that goes on with zeros. */
  private static boolean isSteady(
      OneDnnGemm gemm, Arena arena, MemorySegment a, MemorySegment b, int n) {
    MemorySegment ended = arena.allocate(JAVA_FLOAT, Linear.FEW_ROWS * MOST);
    MemorySegment longer = arena.allocate(JAVA_FLOAT, Linear.ROW_TILE * MOST);
    MemorySegment zeroed = arena.allocate(JAVA_FLOAT, Linear.ROW_TILE * MOST);
    for (int k : new int[] {1, 2, 3, 5, 15, 16, 17, 63, 100, 127}) {
      zeroed.fill((byte) 0);
      for (int row = 0; row < Linear.ROW_TILE; row++) {
        MemorySegment.copy(a, 4L * row * MOST, zeroed, 4L * row * MOST, 4L * k);
      }
      gemm.times(Linear.FEW_ROWS, n, k, a, 0, MOST, b, 0, MOST, 0, ended, 0, MOST);
      gemm.times(Linear.ROW_TILE, n, MOST, zeroed, 0, MOST, b, 0, MOST, 0, longer, 0, MOST);
      if (!isSame(ended, longer, n)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isSame(MemorySegment few, MemorySegment all, int columns) {
    for (int row = 0; row < Linear.FEW_ROWS; row++) {
      long from = 4L * row * MOST;
      long to = from + 4L * columns;
      if (MemorySegment.mismatch(few, from, to, all, from, to) >= 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void timesTransposed(
      int m,
      int n,
      int k,
      MemorySegment a,
      long aAt,
      int lda,
      MemorySegment b,
      long bAt,
      int ldb,
      float beta,
      MemorySegment c,
      long cAt,
      int ldc) {
    OneDnn.sgemm(OneDnn.TRANSPOSE, m, n, k, a, aAt, lda, b, bAt, ldb, beta, c, cAt, ldc);
  }

  @Override
  public void times(
      int m,
      int n,
      int k,
      MemorySegment a,
      long aAt,
      int lda,
      MemorySegment b,
      long bAt,
      int ldb,
      float beta,
      MemorySegment c,
      long cAt,
      int ldc) {
    OneDnn.sgemm(OneDnn.NO_TRANSPOSE, m, n, k, a, aAt, lda, b, bAt, ldb, beta, c, cAt, ldc);
  }
}
