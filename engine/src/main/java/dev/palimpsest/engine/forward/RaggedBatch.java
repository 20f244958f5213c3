package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.Query;
import dev.palimpsest.engine.model.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Sequences packed one after another without padding: all queries' own, then the unconditional ones
 * of the guided queries.
 *
 * @param tokens of all sequences
 * @param positions rotary positions of the tokens
 * @param starts where each sequence starts in {@code tokens}, and their number
 * @param limits how many leading keys of its sequence each token sees
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
   * @throws IllegalArgumentException if a sequence is longer than the model allows, or holds an id
   *     that is none, or asks for rows that are not ascending indices into it
   */
  static RaggedBatch of(List<Query> queries, ModelSpec spec, boolean shifted) {
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
    return pack(sequences, guided, spec, shifted);
  }

  private static RaggedBatch pack(
      List<Query> sequences, List<Guided> guided, ModelSpec spec, boolean shifted) {
    IntStream.Builder tokens = IntStream.builder();
    IntStream.Builder positions = IntStream.builder();
    IntStream.Builder limits = IntStream.builder();
    IntStream.Builder askedRows = IntStream.builder();
    IntStream.Builder askedPositions = IntStream.builder();
    IntStream.Builder askedLimits = IntStream.builder();
    int[] starts = new int[sequences.size() + 1];
    int[] askedStarts = new int[sequences.size() + 1];
    for (int i = 0; i < sequences.size(); i++) {
      Query sequence = sequences.get(i);
      check(sequence, spec);
      for (int t = 0; t < sequence.tokens().length; t++) {
        tokens.add(sequence.tokens()[t]);
        positions.add(sequence.firstPosition() + t);
        limits.add(spec.pattern().limit(t, sequence.tokens().length));
      }
      for (int row : sequence.rows()) {
        int source = shifted ? Math.max(0, row - 1) : row;
        askedRows.add(starts[i] + source);
        askedPositions.add(sequence.firstPosition() + source);
        askedLimits.add(spec.pattern().limit(source, sequence.tokens().length));
      }
      starts[i + 1] = starts[i] + sequence.tokens().length;
      askedStarts[i + 1] = askedStarts[i] + sequence.rows().length;
    }
    return new RaggedBatch(
        tokens.build().toArray(),
        positions.build().toArray(),
        starts,
        limits.build().toArray(),
        askedRows.build().toArray(),
        askedPositions.build().toArray(),
        askedLimits.build().toArray(),
        askedStarts,
        guided);
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
    if (sequence.settled() < 0 || sequence.settled() > length) {
      throw new IllegalArgumentException(
          "a sequence of "
              + length
              + " tokens has "
              + sequence.settled()
              + " settled ones; it can have 0 to "
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
