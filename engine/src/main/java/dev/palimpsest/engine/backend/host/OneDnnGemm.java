package dev.palimpsest.engine.backend.host;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** oneDNN's f32 product on the calling thread. */
record OneDnnGemm() implements Gemm {
  private static final int MOST = 128;
  private static final int LONG = 520;
  private static final int PERIOD = 1021;

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
      MemorySegment a = random(random, arena, Linear.BLOCK_ROWS * LONG);
      MemorySegment b = random(random, arena, MOST * LONG);
      for (int n = Linear.STEP; n <= MOST; n += Linear.STEP) {
        if (!isSteadyTransposed(gemm, arena, a, b, n) || !isSteady(gemm, arena, a, b, n)) {
          return false;
        }
      }
      return isSteadyByRows(gemm, arena, a, b);
    }
  }

  /** A few random numbers over and over: a start cannot wait for more. */
  private static MemorySegment random(SplittableRandom random, Arena arena, int elements) {
    float[] numbers = new float[PERIOD];
    for (int i = 0; i < PERIOD; i++) {
      numbers[i] = random.nextInt() * 0x1p-31f;
    }
    MemorySegment matrix = arena.allocate(JAVA_FLOAT, elements);
    for (int i = 0; i < elements; i += PERIOD) {
      MemorySegment.copy(numbers, 0, matrix, JAVA_FLOAT, 4L * i, Math.min(PERIOD, elements - i));
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
      if (!isSame(few, all, Linear.FEW_ROWS, n)) {
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
      if (!isSame(ended, longer, Linear.FEW_ROWS, n)) {
        return false;
      }
    }
    return true;
  }

  /** Any number of rows against a whole block, for sums of every kind of length. */
  private static boolean isSteadyByRows(
      OneDnnGemm gemm, Arena arena, MemorySegment a, MemorySegment b) {
    MemorySegment few = arena.allocate(JAVA_FLOAT, Linear.BLOCK_ROWS * MOST);
    MemorySegment all = arena.allocate(JAVA_FLOAT, Linear.BLOCK_ROWS * MOST);
    for (int k : new int[] {10, 300, LONG}) {
      for (int n : new int[] {5, 16, 64}) {
        gemm.times(Linear.BLOCK_ROWS, n, k, a, 0, k, b, 0, n, 0, all, 0, MOST);
        for (int m : new int[] {Linear.FEW_ROWS, Linear.ROW_STEP, 18, 30, 54, 66}) {
          gemm.times(m, n, k, a, 0, k, b, 0, n, 0, few, 0, MOST);
          if (!isSame(few, all, m, n)) {
            return false;
          }
        }
      }
    }
    return true;
  }

  private static boolean isSame(MemorySegment few, MemorySegment all, int rows, int columns) {
    for (int row = 0; row < rows; row++) {
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
