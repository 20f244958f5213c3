package dev.palimpsest.engine.backend.host;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.onednn.Matrix;
import dev.palimpsest.bindings.onednn.OneDnn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * oneDNN's f32 product on the calling thread, called so that it computes what {@link Gemm} defines.
 *
 * <p>All that is assumed of the library is here. With k in calls of at most {@value
 * Arithmetic#CHAIN} that add to {@code c}, and columns in multiples of {@value Linear#STEP}, oneDNN
 * 3.11 gives every element one chain a call: with AVX-512 for any number of rows but one, with AVX2
 * for 4 rows and for multiples of 6 (of at most 72; larger numbers are halved, and then not always
 * into multiples of 6). Without FMA it never does. {@link #find} tries this out before a call
 * counts.
 */
final class OneDnnGemm implements Gemm {
  private static final int MOST_ROWS = 72;
  private static final int FEW_ROWS = 4;
  private static final int ROW_STEP = 6;
  private static final int MOST_COLUMNS = 256;
  private static final int STRIDE = MOST_COLUMNS + Linear.STEP;
  private static final int[] WIDTHS = {16, 32, 48, 64, 128, MOST_COLUMNS};
  private static final int PERIOD = 1021;
  private static final int[] LENGTHS = {10, Arithmetic.CHAIN, 300};

  /** Which numbers of rows come out as defined. */
  private enum Rows {
    ANY_BUT_ONE,
    FOUR_AND_SIXES;

    /** What stands for all of them when the library is tried. */
    int[] some() {
      return switch (this) {
        case ANY_BUT_ONE -> new int[] {2, 3, 5, 7, 13, 50, MOST_ROWS};
        case FOUR_AND_SIXES -> new int[] {FEW_ROWS, ROW_STEP, 30, MOST_ROWS};
      };
    }

    int padded(int rows) {
      return switch (this) {
        case ANY_BUT_ONE -> Math.max(2, rows);
        case FOUR_AND_SIXES ->
            rows <= FEW_ROWS ? FEW_ROWS : Math.ceilDiv(rows, ROW_STEP) * ROW_STEP;
      };
    }
  }

  private final Rows rows;

  private OneDnnGemm(Rows rows) {
    this.rows = rows;
  }

  /**
   * The library's product, if there is the library and its bits on this CPU are the defined ones:
   * compared with the definition on some elements of a few products, in about a millisecond.
   */
  static Optional<OneDnnGemm> find() {
    if (!OneDnn.isAvailable()) {
      return Optional.empty();
    }
    for (Rows rows : Rows.values()) {
      OneDnnGemm gemm = new OneDnnGemm(rows);
      if (gemm.isAsDefined()) {
        return Optional.of(gemm);
      }
    }
    return Optional.empty();
  }

  private boolean isAsDefined() {
    SplittableRandom random = new SplittableRandom(1);
    int[] some = rows.some();
    int longest = LENGTHS[LENGTHS.length - 1];
    float[] x = random(random, MOST_ROWS * longest);
    float[] y = random(random, longest * STRIDE);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment a = arena.allocateFrom(JAVA_FLOAT, x);
      MemorySegment b = arena.allocateFrom(JAVA_FLOAT, y);
      MemorySegment c = arena.allocate(JAVA_FLOAT, MOST_ROWS * STRIDE);
      for (int i = 0; i < LENGTHS.length * WIDTHS.length; i++) {
        int k = LENGTHS[i % LENGTHS.length];
        int n = WIDTHS[i / LENGTHS.length];
        int m = some[i % some.length];
        multiply(
            m,
            n,
            k,
            new Matrix(a, 0, k),
            new Matrix(b, 0, STRIDE),
            false,
            new Matrix(c, 0, STRIDE));
        if (!isAsDefined(x, y, k, c, 0, 0)
            || !isAsDefined(x, y, k, c, m / 2, n - 1)
            || !isAsDefined(x, y, k, c, m - 1, n / 2)) {
          return false;
        }
      }
      return true;
    }
  }

  private static boolean isAsDefined(
      float[] a, float[] b, int k, MemorySegment c, int row, int column) {
    float sum = 0;
    for (int first = 0; first < k; first += Arithmetic.CHAIN) {
      float chain = 0;
      for (int p = first; p < Math.min(k, first + Arithmetic.CHAIN); p++) {
        chain = Math.fma(a[row * k + p], b[p * STRIDE + column], chain);
      }
      sum = first == 0 ? chain : sum + chain;
    }
    return Float.floatToRawIntBits(sum)
        == Float.floatToRawIntBits(c.getAtIndex(JAVA_FLOAT, (long) row * STRIDE + column));
  }

  /** A few random numbers over and over: a start cannot wait for more. */
  private static float[] random(SplittableRandom random, int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < Math.min(PERIOD, count); i++) {
      numbers[i] = random.nextInt() * 0x1p-31f;
    }
    for (int i = PERIOD; i < count; i += PERIOD) {
      System.arraycopy(numbers, 0, numbers, i, Math.min(PERIOD, count - i));
    }
    return numbers;
  }

  @Override
  public void multiply(int m, int n, int k, Matrix a, Matrix b, boolean add, Matrix c) {
    for (int row = 0; row < m; row += MOST_ROWS) {
      int count = rows.padded(Math.min(MOST_ROWS, m - row));
      for (int p = 0; p < k; p += Arithmetic.CHAIN) {
        OneDnn.sgemm(
            OneDnn.NO_TRANSPOSE,
            count,
            n,
            Math.min(Arithmetic.CHAIN, k - p),
            a.from(row, p),
            b.from(p, 0),
            add || p > 0 ? 1 : 0,
            c.from(row, 0));
      }
    }
  }

  @Override
  public boolean takesBf16(int m) {
    return false;
  }

  @Override
  public void multiplyBf16(int m, int n, int k, Matrix a, Matrix b, boolean add, Matrix c) {
    throw new IllegalStateException("a matrix of bf16 is widened before oneDNN multiplies it");
  }

  @Override
  public String describe() {
    return OneDnn.describe();
  }
}
