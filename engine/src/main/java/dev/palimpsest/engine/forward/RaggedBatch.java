package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.CachedKeys;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Sequences packed one after another without padding: all queries' own, then the unconditional ones
 * of the guided queries.
 *
 * <p>Of a sequence, only those tokens are computed that an asked row can see and whose keys and
 * values are not cached; and the asked rows themselves. A sequence's keys are its leading tokens up
 * to the last that an asked row sees, computed or cached.
 *
 * @param tokens that are computed, of all sequences
 * @param positions rotary positions of the tokens
 * @param starts where each sequence starts in {@code tokens}, and their number
 * @param limits how many leading keys of its sequence each token sees
 * @param keyStarts where each sequence's keys start, and the number of all keys
 * @param cached where keys are if not all are computed
 * @param newlyCachedRows indices into {@code tokens}: those whose keys this step adds to the KV
 *     cache
 * @param newlyCachedSlots their slots
 * @param askedRows indices into {@code tokens}: all queries' rows, then the unconditional ones
 * @param askedPositions rotary positions of the asked rows
 * @param askedLimits as {@code limits}, of the asked rows
 * @param askedStarts where each sequence's asked rows start in {@code askedRows}, and their number
 * @param guided pairs of asked rows that are to be combined
 */
record RaggedBatch(
    int[] tokens,
    int[] positions,
    int[] starts,
    int[] limits,
    int[] keyStarts,
    CachedKeys cached,
    int[] newlyCachedRows,
    int[] newlyCachedSlots,
    int[] askedRows,
    int[] askedPositions,
    int[] askedLimits,
    int[] askedStarts,
    List<Guided> guided) {

  /** Two indices into {@link RaggedBatch#askedRows()} and the scale that combines them. */
  record Guided(int row, int unconditionalRow, double scale) {}

  /**
   * Packs the queries.
   *
   * @param shifted whether a row's prediction is read at the row before it
   * @param cache knows which keys are cached, and where others may be
   * @throws IllegalArgumentException if a sequence is longer than the model allows, or holds an id
   *     that is none, or asks for rows that are not ascending indices into it
   */
  static RaggedBatch of(
      List<Query> queries, ModelSpec spec, boolean shifted, Optional<PrefixCache> cache) {
    List<Query> sequences = new ArrayList<>(queries);
    List<Guided> guided = new ArrayList<>();
    int asked = queries.stream().mapToInt(query -> query.rows().length).sum();
    int row = 0;
    for (Query query : queries) {
      if (query.guidance().isPresent()) {
        Query.Guidance guidance = query.guidance().get();
        for (int i = 0; i < query.rows().length; i++) {
          guided.add(new Guided(row + i, asked + i, guidance.scale()));
        }
        asked += query.rows().length;
        sequences.add(
            new Query(
                guidance.unconditionalTokens(),
                query.firstPosition(),
                query.rows(),
                0,
                query.draw(),
                Optional.empty()));
      }
      row += query.rows().length;
    }
    return new Packing(spec, shifted, cache, sequences).pack(guided);
  }

  /** Whether every key is computed in this step, in the order of the tokens. */
  boolean isComputedWhole() {
    return cached.keys().length == 0;
  }

  /** The arrays while they grow. */
  private static final class Packing {
    private final ModelSpec spec;
    private final boolean shifted;
    private final Optional<PrefixCache> cache;
    private final List<Query> sequences;
    private final IntList tokens;
    private final IntList positions;
    private final IntList limits;
    private final IntList keyRows;
    private final IntList cachedKeys = new IntList(0);
    private final IntList cachedSlots = new IntList(0);
    private final IntList newlyCachedRows = new IntList(0);
    private final IntList newlyCachedSlots = new IntList(0);
    private final IntList askedRows;
    private final IntList askedPositions;
    private final IntList askedLimits;
    private int computed;
    private int keys;

    Packing(ModelSpec spec, boolean shifted, Optional<PrefixCache> cache, List<Query> sequences) {
      this.spec = spec;
      this.shifted = shifted;
      this.cache = cache;
      this.sequences = sequences;
      int length = 0;
      int asked = 0;
      for (Query sequence : sequences) {
        check(sequence, spec);
        length += sequence.tokens().length;
        asked += sequence.rows().length;
      }
      tokens = new IntList(length);
      positions = new IntList(length);
      limits = new IntList(length);
      keyRows = new IntList(length);
      askedRows = new IntList(asked);
      askedPositions = new IntList(asked);
      askedLimits = new IntList(asked);
    }

    RaggedBatch pack(List<Guided> guided) {
      int[] starts = new int[sequences.size() + 1];
      int[] keyStarts = new int[sequences.size() + 1];
      int[] askedStarts = new int[sequences.size() + 1];
      for (int i = 0; i < sequences.size(); i++) {
        add(sequences.get(i));
        starts[i + 1] = computed;
        keyStarts[i + 1] = keys;
        askedStarts[i + 1] = askedStarts[i] + sequences.get(i).rows().length;
      }
      return new RaggedBatch(
          tokens.toArray(),
          positions.toArray(),
          starts,
          limits.toArray(),
          keyStarts,
          new CachedKeys(
              keyStarts, starts, cachedKeys.toArray(), cachedSlots.toArray(), keyRows.toArray()),
          newlyCachedRows.toArray(),
          newlyCachedSlots.toArray(),
          askedRows.toArray(),
          askedPositions.toArray(),
          askedLimits.toArray(),
          askedStarts,
          guided);
    }

    private void add(Query sequence) {
      int length = sequence.tokens().length;
      int[] rows = sequence.rows();
      int seen = 0;
      for (int row : rows) {
        seen = Math.max(seen, spec.attention().pattern().limit(source(row), length));
      }
      int cacheable =
          spec.attention().pattern().cacheable(Math.min(sequence.cacheablePrefix(), seen));
      PrefixCache.Reservation reserved = PrefixCache.Reservation.NONE;
      int cached = 0;
      if (cache.isPresent() && cacheable > 0) {
        int[] slots = cache.get().find(sequence.tokens(), sequence.firstPosition(), cacheable);
        reserved = cache.get().reserve(sequence.tokens(), sequence.firstPosition(), cacheable);
        // Where two sequences part within a page, a copy of the page begins: its keys are computed.
        cached = Math.min(slots.length, reserved.first());
        for (int t = 0; t < cached; t++) {
          cachedKeys.add(keys + t);
          cachedSlots.add(slots[t]);
        }
      }
      int[] rowOf = new int[seen];
      int next = 0;
      for (int t = 0; t < seen; t++) {
        while (next < rows.length && source(rows[next]) < t) {
          next++;
        }
        boolean asked = next < rows.length && source(rows[next]) == t;
        if (t >= cached || asked) {
          rowOf[t] = computed++;
          tokens.add(sequence.tokens()[t]);
          positions.add(sequence.firstPosition() + t);
          limits.add(spec.attention().pattern().limit(t, length));
          keyRows.add(keys + t);
        }
      }
      for (int row : rows) {
        int source = source(row);
        askedRows.add(rowOf[source]);
        askedPositions.add(sequence.firstPosition() + source);
        askedLimits.add(spec.attention().pattern().limit(source, length));
      }
      for (int i = 0; i < reserved.slots().length; i++) {
        newlyCachedRows.add(rowOf[reserved.indices()[i]]);
        newlyCachedSlots.add(reserved.slots()[i]);
      }
      keys += seen;
    }

    /** Where the prediction of a row is read. */
    private int source(int row) {
      return shifted ? Math.max(0, row - 1) : row;
    }
  }

  private static void check(Query sequence, ModelSpec spec) {
    int length = sequence.tokens().length;
    if (length == 0 || sequence.firstPosition() < 0) {
      throw new IllegalArgumentException(
          "a sequence has "
              + length
              + " tokens from position "
              + sequence.firstPosition()
              + "; it needs at least one, from position 0 or later");
    }
    if (sequence.firstPosition() + length > spec.maxLength()) {
      throw new IllegalArgumentException(
          "a sequence ends at position "
              + (sequence.firstPosition() + length)
              + " and the model's longest is "
              + spec.maxLength());
    }
    if (sequence.cacheablePrefix() < 0 || sequence.cacheablePrefix() > length) {
      throw new IllegalArgumentException(
          "a sequence of "
              + length
              + " tokens has a cacheable prefix of "
              + sequence.cacheablePrefix()
              + "; it can be 0 to "
              + length);
    }
    for (int token : sequence.tokens()) {
      if (token < 0 || token >= spec.vocabulary()) {
        throw new IllegalArgumentException(
            "token id " + token + " is outside the vocabulary of " + spec.vocabulary());
      }
    }
    int previous = -1;
    for (int row : sequence.rows()) {
      if (row <= previous || row >= length) {
        throw new IllegalArgumentException(
            "asked row "
                + row
                + " follows row "
                + previous
                + " in a sequence of "
                + length
                + " tokens; rows are ascending indices into it");
      }
      previous = row;
    }
  }
}
