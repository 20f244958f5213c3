package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.model.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The rows of a batch that lie in canvases, by what they are told.
 *
 * @param byIds rows that are told ids
 * @param ids that they are told
 * @param byFew rows that are told a few ids and their shares
 * @param few what they are told, one canvas after another
 * @param bySignals rows that are told rows of soft signals
 * @param signals that they are told, one after another
 * @param untold rows that are told nothing
 */
record ToldCanvases(
    int[] byIds,
    int[] ids,
    int[] byFew,
    List<SoftAlternatives> few,
    int[] bySignals,
    List<SoftSignal> signals,
    int[] untold) {

  /**
   * The rows of a batch.
   *
   * @param told of each query, what its canvas is told; what is beyond its end is told nothing
   * @throws IllegalArgumentException if a canvas is not told one thing for each of its positions
   */
  static ToldCanvases of(RaggedBatch batch, List<Conditioning> told, ModelSpec spec) {
    IntList byIds = new IntList(0);
    IntList ids = new IntList(0);
    IntList byFew = new IntList(0);
    List<SoftAlternatives> few = new ArrayList<>();
    IntList bySignals = new IntList(0);
    List<SoftSignal> signals = new ArrayList<>();
    IntList untold = new IntList(0);
    for (int i = 0; i < batch.queries().canvas().sequences(); i++) {
      int first = batch.queries().canvas().starts()[i];
      int end = batch.queries().canvas().ends()[i];
      if (first == end) {
        continue;
      }
      switch (i < told.size() ? told.get(i) : new Conditioning.None()) {
        case Conditioning.None _ -> addRange(first, end, untold);
        case Conditioning.Tokens(int[] own) -> {
          requireOneEach(end - first, own.length, "ids");
          addRange(first, end, byIds);
          for (int id : own) {
            RaggedBatch.requireId(id, spec);
            ids.add(id);
          }
        }
        case Conditioning.Alternatives(SoftAlternatives all) -> {
          requireOneEach(end - first, all.positions(), "lists of ids");
          requireWritten(all.isWritten());
          addRange(first, end, byFew);
          few.add(all);
        }
        case Conditioning.Soft(SoftSignal signal) -> {
          requireOneEach(end - first, signal.rows().slots(), "rows of a soft signal");
          requireWritten(signal.isWritten());
          addRange(first, end, bySignals);
          signals.add(signal);
        }
      }
    }
    return new ToldCanvases(
        byIds.toArray(),
        ids.toArray(),
        byFew.toArray(),
        few,
        bySignals.toArray(),
        signals,
        untold.toArray());
  }

  /** All rows that are told something: ids first, then a few ids, then signals. */
  int[] told() {
    return Stream.of(byIds, byFew, bySignals).flatMapToInt(IntStream::of).toArray();
  }

  private static void addRange(int first, int end, IntList to) {
    for (int row = first; row < end; row++) {
      to.add(row);
    }
  }

  private static void requireWritten(boolean isWritten) {
    if (!isWritten) {
      throw new IllegalArgumentException("a canvas is told a soft signal that no step has written");
    }
  }

  private static void requireOneEach(int positions, int given, String what) {
    if (given != positions) {
      throw new IllegalArgumentException(
          "a canvas of %d positions is told %d %s: give one for each"
              .formatted(positions, given, what));
    }
  }
}
