package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.engine.backend.CachedKeys;
import dev.palimpsest.engine.backend.QueryRows;

/**
 * How an attention is cut into blocks of the device: at most {@code 64 / group} queries of one
 * sequence each, where the group is the number of heads that share a key head. Keys are summed in
 * segments, which may have blocks of their own.
 *
 * @param queries of the sequences it is for
 * @param keyStarts of the sequences it is for
 * @param group heads that share a key head
 * @param items the number of blocks for one key head, padding included
 * @param segments of the longest sequence
 * @param stateRows rows of what the segments leave to their merge, one a query and segment
 * @param work byte of the step's input: {@code {sequence, first query row, queries, first of its
 *     state rows}} an item
 * @param sequences byte of the step's input: {@code {first row of its computed keys, cached keys,
 *     first of their slots, computed keys}} a sequence
 */
record AttentionWork(
    QueryRows queries,
    int[] keyStarts,
    int group,
    int items,
    int segments,
    int stateRows,
    long work,
    long sequences) {
  /** Keys that are summed on their own, as {@code kernels-cu/attention.cuh} says. */
  private static final int SEGMENT = 256;

  private static final int MOST_QUERIES = 64;
  private static final int ITEM_INTS = 4;

  /** Puts the work on {@code queries} and {@code keyStarts} into a step's input. */
  static AttentionWork of(QueryRows queries, int[] keyStarts, int group, StepInput input) {
    AttentionWork work = cut(queries, keyStarts, group, input);
    for (int i = 0; i < queries.sequences(); i++) {
      put(input, work.sequences, i, keyStarts[i], 0, 0, keyStarts[i + 1] - keyStarts[i]);
    }
    return work;
  }

  /** The same where the leading keys of sequences are in the KV cache. */
  static AttentionWork of(QueryRows queries, CachedKeys keys, int group, StepInput input) {
    int[] keyStarts = keys.keyStarts();
    AttentionWork work = cut(queries, keyStarts, group, input);
    int next = 0;
    for (int i = 0; i < queries.sequences(); i++) {
      int first = next;
      while (next < keys.keys().length && keys.keys()[next] < keyStarts[i + 1]) {
        next++;
      }
      int cached = next - first;
      int computed = keyStarts[i + 1] - keyStarts[i] - cached;
      put(input, work.sequences, i, keys.starts()[i + 1] - computed, cached, first, computed);
    }
    return work;
  }

  private static AttentionWork cut(QueryRows queries, int[] keyStarts, int group, StepInput input) {
    int most = MOST_QUERIES / group;
    int count = 0;
    int sequences = queries.sequences();
    for (int i = 0; i < sequences; i++) {
      count += Math.ceilDiv(queries.count(i), most);
    }
    int items = RowBuckets.padded(count);
    int padded = RowBuckets.padded(sequences);
    long work = input.reserve((long) items * ITEM_INTS * Integer.BYTES);
    long described = input.reserve((long) padded * ITEM_INTS * Integer.BYTES);
    int next = 0;
    int segments = 0;
    int stateRows = 0;
    for (int i = 0; i < sequences; i++) {
      int own = Math.ceilDiv(keyStarts[i + 1] - keyStarts[i], SEGMENT);
      segments = Math.max(segments, own);
      int end = queries.ends()[i];
      for (int row = queries.starts()[i]; row < end; row += most) {
        int rows = Math.min(most, end - row);
        put(input, work, next++, i, row, rows, stateRows);
        stateRows = Math.addExact(stateRows, Math.multiplyExact(rows, own));
      }
    }
    for (int i = count; i < items; i++) {
      put(input, work, i, 0, 0, 0, 0);
    }
    for (int i = sequences; i < padded; i++) {
      put(input, described, i, 0, 0, 0, 0);
    }
    return new AttentionWork(
        queries, keyStarts, group, items, segments, stateRows, work, described);
  }

  /** Whether it is for these very objects. */
  @SuppressWarnings("ReferenceEquality") // the same object for every block of a step
  boolean isFor(QueryRows otherQueries, int[] otherKeyStarts, int otherGroup) {
    return queries == otherQueries && keyStarts == otherKeyStarts && group == otherGroup;
  }

  private static void put(
      StepInput input, long at, int index, int first, int second, int third, int fourth) {
    long item = at + 16L * index;
    input.setInt(item, first);
    input.setInt(item + 4, second);
    input.setInt(item + 8, third);
    input.setInt(item + 12, fourth);
  }
}
