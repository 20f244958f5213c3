package dev.palimpsest.engine.backend;

/**
 * A matrix of f32 activations in a step's arena, [rows, columns]. It means nothing once the arena
 * is rewound.
 *
 * @param offset bytes from the start of the arena
 * @param rows its height
 * @param columns its width
 * @param stride elements from one row to the next
 */
public record Activation(long offset, int rows, int columns, int stride) {

  /** The view of {@code count} columns starting at {@code first}. */
  public Activation columns(int first, int count) {
    return new Activation(offset + (long) first * Float.BYTES, rows, count, stride);
  }

  /** Where a row starts, in bytes from the start of the arena. */
  public long rowOffset(int row) {
    return offset + (long) row * stride * Float.BYTES;
  }
}
