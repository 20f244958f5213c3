package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.CachedKeys;
import dev.palimpsest.engine.backend.QueryRows;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

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
 * @param kinds of the tokens: 0, or 1 in the canvas of a model that has one
 * @param starts where each sequence starts in {@code tokens}, and their number
 * @param limits how many leading keys of its sequence each token sees
 * @param keyStarts where each sequence's keys start, and the number of all keys
 * @param cached where keys are if not all are computed
 * @param newlyCachedRows indices into {@code tokens}: those whose keys this step adds to the KV
 *     cache
 * @param newlyCachedSlots their slots
 * @param askedRows indices into {@code tokens}: of all queries, then of the unconditional ones
 * @param askedPositions rotary positions of the asked rows
 * @param askedKinds as {@code kinds}, of the asked rows
 * @param askedLimits as {@code limits}, of the asked rows
 * @param askedStarts where each sequence's asked rows start in {@code askedRows}, and their number
 * @param guided pairs of rows, counted as in {@code drawn}, that are to be combined
 * @param drawn the asked row of each row that a prediction is made of: all queries' rows, then the
 *     unconditional ones. Asked rows that are not among them are looked at and no more
 * @param watched of each query, where the positions are that are looked at
 * @param queries which of {@code tokens} are of which sequence
 * @param asked the same of {@code askedRows}
 */
record RaggedBatch(
    int[] tokens,
    int[] positions,
    int[] kinds,
    int[] starts,
    int[] limits,
    int[] keyStarts,
    CachedKeys cached,
    int[] newlyCachedRows,
    int[] newlyCachedSlots,
    int[] askedRows,
    int[] askedPositions,
    int[] askedKinds,
    int[] askedLimits,
    int[] askedStarts,
    List<Guided> guided,
    int[] drawn,
    List<Watched> watched,
    Rows queries,
    Rows asked) {
  /** The kind of a row in a canvas. */
  static final int CANVAS = 1;

  private static final int[] NOWHERE = {};
  private static final int NO_TOKEN = -1;
  private static final Watched UNWATCHED = new Watched(NOWHERE, NOWHERE, NOWHERE);

  /**
   * Positions of a sequence that are looked at.
   *
   * @param positions ascending indices into the sequence
   * @param rows their indices into {@link RaggedBatch#tokens()}
   * @param askedRows their indices into {@link RaggedBatch#askedRows()}
   */
  record Watched(int[] positions, int[] rows, int[] askedRows) {
    /** The rows of some of the positions: of the tokens, or of the asked rows. */
    int[] rows(int[] some, boolean asked) {
      int[] from = asked ? askedRows : rows;
      int[] found = new int[some.length];
      for (int i = 0; i < some.length; i++) {
        found[i] = from[Arrays.binarySearch(positions, some[i])];
      }
      return found;
    }
  }

  /**
   * Rows of sequences, those in a canvas apart.
   *
   * @param all of them
   * @param preceding the rows before the canvas; all of a model without one
   * @param canvas the rows in the canvas
   */
  record Rows(QueryRows all, QueryRows preceding, QueryRows canvas) {
    /**
     * Rows that follow one another.
     *
     * @param starts where each sequence starts, and the number of rows
     * @param kinds of the rows
     */
    static Rows of(int[] starts, int[] kinds) {
      QueryRows all = QueryRows.consecutive(starts);
      int[] cuts = all.ends().clone();
      for (int i = 0; i < cuts.length; i++) {
        while (cuts[i] > starts[i] && kinds[cuts[i] - 1] == CANVAS) {
          cuts[i]--;
        }
      }
      return new Rows(all, new QueryRows(all.starts(), cuts), new QueryRows(cuts, all.ends()));
    }

    /** Which of them attend together in a layer, and to how many keys at most. */
    List<Part> parts(ModelSpec spec, int window) {
      if (canvas.isEmpty()) {
        return List.of(new Part(all, window));
      }
      int canvasWindow = spec.canvasWindow(window);
      if (preceding.isEmpty() || canvasWindow == window) {
        return List.of(new Part(all, canvasWindow));
      }
      return List.of(new Part(preceding, window), new Part(canvas, canvasWindow));
    }
  }

  /** Rows with one window. */
  record Part(QueryRows rows, int window) {}

  /** Two indices into {@link RaggedBatch#drawn()} and the scale that combines them. */
  record Guided(int row, int unconditionalRow, double scale) {}

  /**
   * Packs the queries.
   *
   * @param shifted whether a row's prediction is read at the row before it
   * @param cache knows which keys are cached, and where others may be
   * @param watched positions of each query that are looked at, ascending indices into its tokens;
   *     nothing for none at all
   * @throws IllegalArgumentException if a sequence is longer than the model allows, or holds an id
   *     that is none, or asks for rows that are not ascending indices into it
   */
  static RaggedBatch of(
      List<Query> queries,
      ModelSpec spec,
      boolean shifted,
      Optional<PrefixCache> cache,
      List<int[]> watched) {
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
        Query unconditional =
            new Query(
                guidance.unconditionalTokens(),
                query.firstPosition(),
                query.rows(),
                0,
                query.draw(),
                Optional.empty());
        sequences.add(query.attention().map(unconditional::attending).orElse(unconditional));
      }
      row += query.rows().length;
    }
    return new Packing(spec, shifted, cache, sequences).pack(guided, watched);
  }

  /** Whether a prediction is made of every asked row, in their order. */
  boolean isAllDrawn() {
    for (int i = 0; i < drawn.length; i++) {
      if (drawn[i] != i) {
        return false;
      }
    }
    return drawn.length == askedRows.length;
  }

  /** Whether every key is computed in this step, in the order of the tokens. */
  boolean isComputedWhole() {
    return cached.keys().length == 0;
  }

  /**
   * Tokens in the order in which a pattern counts them.
   *
   * @param tokens in that order
   * @param places where each of them stands in the text; empty if they are in the text's order
   * @param ranks the inverse
   */
  private record Order(int[] tokens, int[] places, int[] ranks) {
    static Order of(AttentionPattern pattern, int[] text) {
      int[] places = pattern.order(text);
      if (places.length == 0) {
        return new Order(text, places, places);
      }
      int[] tokens = new int[text.length];
      int[] ranks = new int[text.length];
      for (int rank = 0; rank < places.length; rank++) {
        tokens[rank] = text[places[rank]];
        ranks[places[rank]] = rank;
      }
      return new Order(tokens, places, ranks);
    }

    int place(int rank) {
      return places.length == 0 ? rank : places[rank];
    }

    int rank(int place) {
      return ranks.length == 0 ? place : ranks[place];
    }
  }

  /** The arrays while they grow. */
  private static final class Packing {
    private final ModelSpec spec;
    private final boolean shifted;
    private final Optional<PrefixCache> cache;
    private final List<Query> sequences;
    private final IntList tokens;
    private final IntList positions;
    private final IntList kinds;
    private final IntList limits;
    private final IntList keyRows;
    private final IntList cachedKeys = new IntList(0);
    private final IntList cachedSlots = new IntList(0);
    private final IntList newlyCachedRows = new IntList(0);
    private final IntList newlyCachedSlots = new IntList(0);
    private final IntList askedRows;
    private final IntList askedPositions;
    private final IntList askedKinds;
    private final IntList askedLimits;
    private final IntList drawn;
    private final List<Watched> watched = new ArrayList<>();
    private int computed;
    private int askedCount;
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
      kinds = new IntList(length);
      limits = new IntList(length);
      keyRows = new IntList(length);
      askedRows = new IntList(asked);
      askedPositions = new IntList(asked);
      askedKinds = new IntList(asked);
      askedLimits = new IntList(asked);
      drawn = new IntList(asked);
    }

    RaggedBatch pack(List<Guided> guided, List<int[]> watchedPositions) {
      int[] starts = new int[sequences.size() + 1];
      int[] keyStarts = new int[sequences.size() + 1];
      int[] askedStarts = new int[sequences.size() + 1];
      for (int i = 0; i < sequences.size(); i++) {
        add(sequences.get(i), i < watchedPositions.size() ? watchedPositions.get(i) : NOWHERE);
        starts[i + 1] = computed;
        keyStarts[i + 1] = keys;
        askedStarts[i + 1] = askedCount;
      }
      int[] kindsOfTokens = kinds.toArray();
      int[] kindsOfAsked = askedKinds.toArray();
      return new RaggedBatch(
          tokens.toArray(),
          positions.toArray(),
          kindsOfTokens,
          starts,
          limits.toArray(),
          keyStarts,
          new CachedKeys(
              keyStarts, starts, cachedKeys.toArray(), cachedSlots.toArray(), keyRows.toArray()),
          newlyCachedRows.toArray(),
          newlyCachedSlots.toArray(),
          askedRows.toArray(),
          askedPositions.toArray(),
          kindsOfAsked,
          askedLimits.toArray(),
          askedStarts,
          guided,
          drawn.toArray(),
          watched,
          Rows.of(starts, kindsOfTokens),
          Rows.of(askedStarts, kindsOfAsked));
    }

    private void add(Query sequence, int[] positionsWatched) {
      AttentionPattern pattern = sequence.attention().orElse(spec.attention().pattern());
      int length = sequence.tokens().length;
      Order order = Order.of(pattern, sequence.tokens());
      int[] ordered = order.tokens();
      int[] rows = sequence.rows().clone();
      for (int i = 0; i < rows.length; i++) {
        rows[i] = order.rank(source(rows[i]));
      }
      requireWithin(positionsWatched, length);
      int[] asked = rows;
      if (positionsWatched.length > 0 || !isAscending(rows)) {
        asked =
            IntStream.concat(Arrays.stream(rows), Arrays.stream(positionsWatched).map(order::rank))
                .sorted()
                .distinct()
                .toArray();
        for (int row : rows) {
          drawn.add(askedCount + Arrays.binarySearch(asked, row));
        }
      } else {
        for (int i = 0; i < asked.length; i++) {
          drawn.add(askedCount + i);
        }
      }
      int seen = 0;
      for (int source : asked) {
        seen = Math.max(seen, pattern.limit(source, length));
      }
      int canvas = spec.canvas().map(each -> each.start(length)).orElse(length);
      int fixed = Math.min(canvas, Math.min(sequence.cacheablePrefix(), seen));
      int lacking = pattern.lacking(length);
      int cacheable = pattern.cacheable(fixed + lacking);
      PrefixCache.Reservation reserved = PrefixCache.Reservation.NONE;
      int cached = 0;
      if (cache.isPresent() && cacheable > 0) {
        int[] whole = inWholeBlocks(ordered, lacking);
        int[] slots = cache.get().find(whole, sequence.firstPosition(), cacheable);
        reserved = cache.get().reserve(whole, sequence.firstPosition(), cacheable);
        // Where two sequences part within a page, a copy of the page begins: its keys are computed.
        cached = Math.max(0, Math.min(slots.length, reserved.first()) - lacking);
        for (int t = 0; t < cached; t++) {
          cachedKeys.add(keys + t);
          cachedSlots.add(slots[lacking + t]);
        }
      }
      int[] rowOf = new int[seen];
      int next = 0;
      for (int t = 0; t < seen; t++) {
        while (next < asked.length && asked[next] < t) {
          next++;
        }
        if (t >= cached || (next < asked.length && asked[next] == t)) {
          rowOf[t] = computed++;
          tokens.add(ordered[t]);
          positions.add(sequence.firstPosition() + order.place(t));
          kinds.add(t < canvas ? 0 : CANVAS);
          limits.add(pattern.limit(t, length));
          keyRows.add(keys + t);
        }
      }
      for (int source : asked) {
        askedRows.add(rowOf[source]);
        askedPositions.add(sequence.firstPosition() + order.place(source));
        askedKinds.add(source < canvas ? 0 : CANVAS);
        askedLimits.add(pattern.limit(source, length));
      }
      for (int i = 0; i < reserved.slots().length; i++) {
        int token = reserved.indices()[i] - lacking;
        if (token >= 0) {
          newlyCachedRows.add(rowOf[token]);
          newlyCachedSlots.add(reserved.slots()[i]);
        }
      }
      if (positionsWatched.length > 0) {
        int[] inTokens = new int[positionsWatched.length];
        int[] inAsked = new int[positionsWatched.length];
        for (int i = 0; i < positionsWatched.length; i++) {
          int source = order.rank(positionsWatched[i]);
          inTokens[i] = rowOf[source];
          inAsked[i] = askedCount + Arrays.binarySearch(asked, source);
        }
        watched.add(new Watched(positionsWatched, inTokens, inAsked));
      } else {
        watched.add(UNWATCHED);
      }
      askedCount += asked.length;
      keys += seen;
    }

    private static boolean isAscending(int[] rows) {
      for (int i = 1; i < rows.length; i++) {
        if (rows[i] < rows[i - 1]) {
          return false;
        }
      }
      return true;
    }

    /** The tokens behind so many that are none, by which the cache finds them in whole blocks. */
    private static int[] inWholeBlocks(int[] tokens, int lacking) {
      if (lacking == 0) {
        return tokens;
      }
      int[] whole = new int[lacking + tokens.length];
      Arrays.fill(whole, 0, lacking, NO_TOKEN);
      System.arraycopy(tokens, 0, whole, lacking, tokens.length);
      return whole;
    }

    private static void requireWithin(int[] positions, int length) {
      int previous = -1;
      for (int position : positions) {
        if (position <= previous || position >= length) {
          throw new IllegalArgumentException(
              "position %d is looked at after position %d in a sequence of %d tokens; they are ascending indices into it"
                  .formatted(position, previous, length));
        }
        previous = position;
      }
    }

    /** Where the prediction of a row is read. */
    private int source(int row) {
      return shifted ? Math.max(0, row - 1) : row;
    }
  }

  /**
   * Refuses what is no id of a model.
   *
   * @throws IllegalArgumentException naming it
   */
  static void requireId(int token, ModelSpec spec) {
    if (token < 0 || token >= spec.vocabulary()) {
      throw new IllegalArgumentException(
          "token id " + token + " is outside the vocabulary of " + spec.vocabulary());
    }
  }

  /** The ways in which a model attends: its own, and causally where its blocks are written so. */
  private static void requireOneOf(AttentionPattern asked, AttentionPattern own) {
    boolean isCausal =
        own instanceof AttentionPattern.CausalContext && asked instanceof AttentionPattern.Causal;
    if (!isCausal && !asked.equals(own)) {
      throw new IllegalArgumentException(
          "a query attends by %s, and the model by %s".formatted(asked, own));
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
      requireId(token, spec);
    }
    sequence.attention().ifPresent(pattern -> requireOneOf(pattern, spec.attention().pattern()));
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
