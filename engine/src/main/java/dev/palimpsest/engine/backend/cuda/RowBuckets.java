package dev.palimpsest.engine.backend.cuda;

/**
 * Sizes that steps are rounded up to, so that one graph serves many steps: multiples of 8, and
 * above 64 eight sizes between one power of two and the next.
 */
final class RowBuckets {
  private static final int SMALLEST = 8;

  private RowBuckets() {}

  /** The smallest size that holds {@code count}, at least one. */
  static int padded(int count) {
    int step = Math.max(SMALLEST, Integer.highestOneBit(Math.max(1, count - 1)) / SMALLEST);
    return Math.max(SMALLEST, Math.ceilDiv(count, step) * step);
  }
}
