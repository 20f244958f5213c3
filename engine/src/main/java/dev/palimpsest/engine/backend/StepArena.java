package dev.palimpsest.engine.backend;

/**
 * The bump allocator of one step: activations are laid out one after another and forgotten
 * together.
 *
 * <p>Every matrix is padded to whole tiles of {@link #ROW_TILE} rows, so that matrix products may
 * always work on full tiles.
 */
public final class StepArena {
  /**
   * Rows of a matrix are padded to a multiple of this. It is a multiple of 6 because oneDNN's f32
   * product on AVX2 gives the last two rows of a tile of 8 or 32 other bits than the rest (3.11);
   * 24 and 48 rows came out alike on SSE4.1, AVX and AVX2.
   */
  public static final int ROW_TILE = 24;

  private static final long ALIGNMENT = 256;

  private long used;

  /** Forgets every activation. */
  public void rewind() {
    used = 0;
  }

  /** Bytes that the activations of this step take. */
  public long used() {
    return used;
  }

  /** A new matrix whose content is undefined. */
  public Activation allocate(int rows, int columns) {
    Activation result = new Activation(used, rows, columns, columns);
    used += bytes(rows, columns);
    return result;
  }

  private static long bytes(int rows, int columns) {
    long padded = Math.ceilDiv(rows, ROW_TILE) * (long) ROW_TILE;
    return Math.ceilDiv(padded * columns * Float.BYTES, ALIGNMENT) * ALIGNMENT;
  }
}
