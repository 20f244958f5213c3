package dev.palimpsest.engine.backend;

/**
 * A matrix of activations in a step's arena, [rows, columns]. It means nothing once the arena is
 * rewound. Offsets count elements, whose size is the backend's: the same layout holds in f32 and in
 * bf16.
 *
 * @param offset elements from the start of the arena
 * @param rows its height
 * @param columns its width
 * @param stride elements from one row to the next
 */
public record Activation(long offset, int rows, int columns, int stride) {

  /** The view of {@code count} columns starting at {@code first}. */
  public Activation columns(int first, int count) {
    return new Activation(offset + first, rows, count, stride);
  }

  /** The view of the first {@code count} rows. */
  public Activation firstRows(int count) {
    return new Activation(offset, count, columns, stride);
  }

  /** The view of {@code count} rows starting at {@code first}. */
  public Activation rows(int first, int count) {
    return new Activation(row(first), count, columns, stride);
  }

  /** Where a row starts, in elements from the start of the arena. */
  public long row(int row) {
    return offset + (long) row * stride;
  }
}
