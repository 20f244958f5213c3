package dev.palimpsest.engine.backend.host;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.onednn.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The library's products, and those of the Vector API where they turn out to be faster: the bits
 * are the same, so the choice may be made by the clock and change while a text is written.
 *
 * <p>What the compiler has not yet seen often runs a hundred times slower than the library. So the
 * Vector API begins on a thread of its own, on numbers that nobody needs, and takes over the
 * products of as many rows as it has been seen to be faster for.
 */
final class RehearsedGemm implements Gemm, AutoCloseable {
  private static final int[] ROWS = {1, 6, 24, 72};
  private static final int PANEL = 64;
  private static final int LENGTH = Arithmetic.CHAIN;
  private static final int REPEATS = 8;

  /** The compiler has done what it will when nothing became faster for so long, and so often. */
  private static final long PATIENCE_NANOS = 1_000_000_000L;

  private static final int PATIENCE_ROUNDS = 200;

  private final OneDnnGemm library;
  private final VectorGemm vector = new VectorGemm();
  private final long openedNanos = System.nanoTime();
  private final Thread rehearsal =
      Thread.ofPlatform().daemon().name("palimpsest-rehearsal").unstarted(this::rehearse);
  private volatile int vectorRows;
  private volatile boolean closed;

  RehearsedGemm(OneDnnGemm library) {
    this.library = library;
  }

  /** Begins the rehearsal, once the backend is older than a short run of the program. */
  void rehearseAfter(long nanos) {
    if (rehearsal.getState() == Thread.State.NEW && System.nanoTime() - openedNanos > nanos) {
      rehearsal.start();
    }
  }

  private void rehearse() {
    try (Arena arena = Arena.ofShared()) {
      Matrix a = zeros(arena, ROWS[ROWS.length - 1], LENGTH);
      Matrix b = zeros(arena, LENGTH, PANEL);
      Matrix c = zeros(arena, ROWS[ROWS.length - 1], PANEL);
      for (int rows : ROWS) {
        if (!becomesFaster(rows, a, b, c)) {
          return;
        }
        vectorRows = rows == ROWS[ROWS.length - 1] ? Integer.MAX_VALUE : rows;
      }
    }
  }

  private boolean becomesFaster(int rows, Matrix a, Matrix b, Matrix c) {
    long fastest = Long.MAX_VALUE;
    long improved = System.nanoTime();
    int rounds = 0;
    while (!closed && (rounds < PATIENCE_ROUNDS || System.nanoTime() - improved < PATIENCE_NANOS)) {
      long found = nanos(() -> vector.multiply(rows, PANEL, LENGTH, a, b, false, c));
      if (rows == 1) {
        // A kernel of its own; more rows run it again, and the library would have to widen first.
        found =
            Math.max(found, nanos(() -> vector.multiplyBf16(rows, PANEL, LENGTH, a, b, false, c)));
      }
      if (found <= nanos(() -> library.multiply(rows, PANEL, LENGTH, a, b, false, c))) {
        return true;
      }
      rounds++;
      if (found < fastest) {
        fastest = found;
        improved = System.nanoTime();
        rounds = 0;
      }
    }
    return false;
  }

  private static Matrix zeros(Arena arena, int rows, int columns) {
    MemorySegment memory = arena.allocate(4L * rows * columns, 64);
    for (long i = 0; i < (long) rows * columns; i++) {
      memory.setAtIndex(JAVA_FLOAT, i, 0);
    }
    return new Matrix(memory, 0, columns);
  }

  /** The fastest of a few products: what else the machine does makes none faster. */
  private static long nanos(Runnable product) {
    long fastest = Long.MAX_VALUE;
    for (int i = 0; i < REPEATS; i++) {
      long start = System.nanoTime();
      product.run();
      fastest = Math.min(fastest, System.nanoTime() - start);
    }
    return fastest;
  }

  @Override
  public void multiply(int m, int n, int k, Matrix a, Matrix b, boolean add, Matrix c) {
    (m <= vectorRows ? vector : library).multiply(m, n, k, a, b, add, c);
  }

  @Override
  public boolean takesBf16(int m) {
    return m <= vectorRows && vector.takesBf16(m);
  }

  @Override
  public void multiplyBf16(int m, int n, int k, Matrix a, Matrix b, boolean add, Matrix c) {
    vector.multiplyBf16(m, n, k, a, b, add, c);
  }

  @Override
  public String describe() {
    return library.describe() + ", and " + vector.describe() + " where they are faster";
  }

  @Override
  public void close() {
    closed = true;
  }
}
