package dev.palimpsest.engine.backend;

import java.util.Arrays;

/**
 * Which rows of queries belong to which sequence: {@code [starts[i], ends[i])} to sequence i. Rows
 * between them are left alone.
 *
 * @param starts the first query row of each sequence
 * @param ends the row after its last
 */
public record QueryRows(int[] starts, int[] ends) {
  /**
   * All rows, those of one sequence behind those of the one before.
   *
   * @param starts the first query row of each sequence, and the number of query rows
   */
  public static QueryRows consecutive(int[] starts) {
    return new QueryRows(
        Arrays.copyOf(starts, starts.length - 1), Arrays.copyOfRange(starts, 1, starts.length));
  }

  /** The number of sequences. */
  public int sequences() {
    return starts.length;
  }

  /** Query rows of a sequence. */
  public int count(int sequence) {
    return ends[sequence] - starts[sequence];
  }

  /** Whether no sequence has any. */
  public boolean isEmpty() {
    return Arrays.equals(starts, ends);
  }
}
