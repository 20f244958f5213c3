package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Linear.BLOCK_COLUMNS;
import static dev.palimpsest.engine.backend.host.Linear.BLOCK_ROWS;

import dev.palimpsest.bindings.onednn.Matrix;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.step.Prediction;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * The head and the reduction of its logits, one block of rows by one of ids at a time.
 *
 * <p>The vocabulary is cut into at most {@value #MAX_SPANS} spans that depend on the head alone;
 * each span is folded in ascending order, and so are the spans, so a row's bits depend neither on
 * the other rows nor on the number of threads.
 *
 * <p>A row whose draw has a filter is needed whole, since a nucleus is known only when every logit
 * is: a block of rows at a time is kept and then reduced, each row alone.
 */
final class Vocabulary {
  private static final int MAX_SPANS = 64;

  private final Workers workers;
  private final Scratch[] scratch;
  private final Linear linear;
  private final FilteredRow[] filteredRows;
  private final Scratch kept = new Scratch();
  private RowFold[] folds = {};

  Vocabulary(Workers workers, Scratch[] scratch, Linear linear) {
    this.workers = workers;
    this.scratch = scratch;
    this.linear = linear;
    filteredRows = new FilteredRow[scratch.length];
    Arrays.setAll(filteredRows, _ -> new FilteredRow());
  }

  List<Prediction> reduce(
      MemorySegment step, Activation x, HostWeight head, OptionalDouble cap, List<RowDraw> draws) {
    int rows = x.rows();
    Spans spans = Spans.of(head);
    prepareFolds(spans.count() * rows);
    Matrix input = linear.input(step, x, head);
    Prediction[] predictions = new Prediction[rows];
    if (draws.stream().noneMatch(each -> each.draw().filter().isPresent())) {
      fold(input, 0, rows, head, cap, spans, draws, new int[0]);
    } else {
      for (int row = 0; row < rows; row += BLOCK_ROWS) {
        int end = Math.min(rows, row + BLOCK_ROWS);
        int[] whole = filtered(draws, row, end);
        fold(input, row, end, head, cap, spans, draws, whole);
        workers.run(
            whole.length,
            (slot, worker) ->
                predictions[whole[slot]] =
                    filteredRows[worker].prediction(
                        kept.memory(),
                        slot * keptBytes(head),
                        head.rows(),
                        draws.get(whole[slot])));
      }
    }
    for (int row = 0; row < rows; row++) {
      if (draws.get(row).draw().filter().isEmpty()) {
        RowFold fold = folds[row];
        for (int span = 1; span < spans.count(); span++) {
          fold.merge(folds[span * rows + row]);
        }
        predictions[row] = fold.prediction(draws.get(row).draw());
      }
    }
    return List.of(predictions);
  }

  /** Folds the rows {@code [from, to)}, and keeps the logits of the rows in {@code whole}. */
  private void fold(
      Matrix input,
      int from,
      int to,
      HostWeight head,
      OptionalDouble cap,
      Spans spans,
      List<RowDraw> draws,
      int[] whole) {
    int rows = draws.size();
    int rowBlocks = Math.ceilDiv(to - from, BLOCK_ROWS);
    MemorySegment keeping = kept.atLeast(whole.length * keptBytes(head));
    workers.run(
        spans.count() * rowBlocks,
        (task, worker) -> {
          int span = task / rowBlocks;
          int first = from + task % rowBlocks * BLOCK_ROWS;
          int count = Math.min(BLOCK_ROWS, to - first);
          MemorySegment logits = scratch[worker].atLeast(4L * BLOCK_ROWS * BLOCK_COLUMNS);
          Matrix target = new Matrix(logits, 0, BLOCK_COLUMNS);
          Matrix block = Linear.rowsFrom(first, input, head);
          for (int id = spans.firstId(span); id < spans.firstId(span + 1); id += BLOCK_COLUMNS) {
            int width = Math.min(BLOCK_COLUMNS, head.rows() - id);
            linear.multiplyBlock(block, count, head, id, width, false, target, worker);
            for (int row = first; row < first + count; row++) {
              long at = 4L * (row - first) * BLOCK_COLUMNS;
              if (cap.isPresent()) {
                HostBackend.softCap(logits, at, width, (float) cap.getAsDouble());
              }
              int slot = Arrays.binarySearch(whole, row);
              if (slot >= 0) {
                long keptAt = slot * keptBytes(head) + 4L * id;
                MemorySegment.copy(logits, at, keeping, keptAt, 4L * width);
              } else {
                folds[span * rows + row].add(logits, at, id, width, draws.get(row));
              }
            }
          }
        });
  }

  /** The rows of {@code [from, to)} whose draw has a filter. */
  private static int[] filtered(List<RowDraw> draws, int from, int to) {
    return IntStream.range(from, to)
        .filter(row -> draws.get(row).draw().filter().isPresent())
        .toArray();
  }

  /** Bytes of a row of logits, with room for whole lanes. */
  private static long keptBytes(HostWeight head) {
    return Math.ceilDiv(head.rows(), Arithmetic.LANES) * 4L * Arithmetic.LANES;
  }

  private void prepareFolds(int count) {
    int ready = folds.length;
    if (ready < count) {
      folds = Arrays.copyOf(folds, count);
      Arrays.setAll(folds, i -> i < ready ? folds[i] : new RowFold());
    }
    for (int i = 0; i < count; i++) {
      folds[i].reset();
    }
  }

  void close() {
    kept.close();
  }

  /** How the head's ids are cut into pieces that are one task each. */
  private record Spans(int ids, int length) {
    static Spans of(HostWeight head) {
      int blocks = Math.ceilDiv(head.rows(), BLOCK_COLUMNS);
      return new Spans(head.rows(), Math.ceilDiv(blocks, MAX_SPANS) * BLOCK_COLUMNS);
    }

    int count() {
      return Math.ceilDiv(ids, length);
    }

    int firstId(int span) {
      return Math.min(ids, span * length);
    }
  }
}
