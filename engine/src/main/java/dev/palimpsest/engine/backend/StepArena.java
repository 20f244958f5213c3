package dev.palimpsest.engine.backend;

import java.util.function.IntUnaryOperator;

/**
 * The bump allocator of one step: activations are laid out one after another and forgotten
 * together.
 */
public final class StepArena {
  private static final long ALIGNMENT = 128;

  private final IntUnaryOperator paddedRows;
  private long used;

  /**
   * An empty arena.
   *
   * @param paddedRows the rows of memory that a matrix of some rows gets, see {@link
   *     Backend#paddedRows}
   */
  public StepArena(IntUnaryOperator paddedRows) {
    this.paddedRows = paddedRows;
  }

  /** Forgets every activation. */
  public void rewind() {
    used = 0;
  }

  /** Elements that the activations of this step take. */
  public long used() {
    return used;
  }

  /** A new matrix whose content is undefined. */
  public Activation allocate(int rows, int columns) {
    Activation result = new Activation(used, rows, columns, columns);
    long elements = (long) paddedRows.applyAsInt(rows) * columns;
    used += Math.ceilDiv(elements, ALIGNMENT) * ALIGNMENT;
    return result;
  }
}
