package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Linear.ROW_TILE;

import dev.palimpsest.engine.Prediction;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.RowDraw;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The head and the reduction of its logits, one tile of 24 rows by one panel of ids at a time.
 *
 * <p>The vocabulary is cut into at most {@value #MAX_SPANS} spans that depend on the head alone;
 * each span is folded in ascending order, and so are the spans, so a row's bits depend neither on
 * the other rows nor on the number of threads.
 *
 * <p>A row whose draw has a shape is needed whole, since a nucleus is known only when every logit
 * is: {@value #TILES_PER_TASK} tiles of rows at a time are kept and then reduced, each row alone.
 */
final class Vocabulary {
  private static final int MAX_SPANS = 64;
  private static final int TILES_PER_TASK = 4;

  private final Workers workers;
  private final Scratch[] scratch;
  private final Linear linear;
  private final ShapedRow[] shapedRows;
  private final Scratch kept = new Scratch();
  private RowFold[] folds = {};

  Vocabulary(Workers workers, Scratch[] scratch, Linear linear) {
    this.workers = workers;
    this.scratch = scratch;
    this.linear = linear;
    shapedRows = new ShapedRow[scratch.length];
    Arrays.setAll(shapedRows, _ -> new ShapedRow());
  }

  List<Prediction> reduce(MemorySegment step, Activation x, HostWeight head, List<RowDraw> draws) {
    int rows = x.rows();
    Spans spans = Spans.of(head);
    prepareFolds(spans.count() * rows);
    Linear.Input input = linear.input(step, x, head);
    int tiles = Linear.tiles(rows);
    Prediction[] predictions = new Prediction[rows];
    if (draws.stream().noneMatch(each -> each.draw().shape().isPresent())) {
      fold(input, 0, tiles, head, spans, draws, new int[0]);
    } else {
      for (int tile = 0; tile < tiles; tile += TILES_PER_TASK) {
        int end = Math.min(tiles, tile + TILES_PER_TASK);
        int[] whole = shaped(draws, tile * ROW_TILE, Math.min(rows, end * ROW_TILE));
        fold(input, tile, end, head, spans, draws, whole);
        workers.run(
            whole.length,
            (slot, worker) ->
                predictions[whole[slot]] =
                    shapedRows[worker].prediction(
                        kept.memory(),
                        slot * keptBytes(head),
                        head.rows(),
                        draws.get(whole[slot])));
      }
    }
    for (int row = 0; row < rows; row++) {
      if (draws.get(row).draw().shape().isEmpty()) {
        RowFold fold = folds[row];
        for (int span = 1; span < spans.count(); span++) {
          fold.merge(folds[span * rows + row]);
        }
        predictions[row] = fold.prediction(draws.get(row).draw());
      }
    }
    return List.of(predictions);
  }

  /** Folds the rows of some tiles, and keeps the logits of the rows in {@code whole}. */
  private void fold(
      Linear.Input input,
      int fromTile,
      int toTile,
      HostWeight head,
      Spans spans,
      List<RowDraw> draws,
      int[] whole) {
    int rows = draws.size();
    int panel = spans.panel();
    int tileGroups = Math.ceilDiv(toTile - fromTile, TILES_PER_TASK);
    long logitBytes = 4L * ROW_TILE * panel;
    MemorySegment keeping = kept.atLeast(whole.length * keptBytes(head));
    workers.run(
        spans.count() * tileGroups,
        (task, worker) -> {
          int span = task / tileGroups;
          int firstTile = fromTile + task % tileGroups * TILES_PER_TASK;
          int endTile = Math.min(toTile, firstTile + TILES_PER_TASK);
          for (int p = spans.firstPanel(span); p < spans.firstPanel(span + 1); p++) {
            int firstId = p * panel;
            int width = Math.min(panel, head.rows() - firstId);
            scratch[worker].atLeast(logitBytes + Linear.panelBytes(head));
            Linear.Panel weights = linear.panel(head, firstId, width, worker, logitBytes);
            MemorySegment logits = scratch[worker].memory();
            for (int tile = firstTile; tile < endTile; tile++) {
              linear.multiplyTile(
                  input, tile, Linear.tile(rows - tile * ROW_TILE), weights, 0, logits, 0, panel);
              int first = tile * ROW_TILE;
              for (int row = first; row < Math.min(rows, first + ROW_TILE); row++) {
                long at = 4L * (row - first) * panel;
                int slot = Arrays.binarySearch(whole, row);
                if (slot >= 0) {
                  long target = slot * keptBytes(head) + 4L * firstId;
                  MemorySegment.copy(logits, at, keeping, target, 4L * width);
                } else {
                  folds[span * rows + row].add(logits, at, firstId, width, draws.get(row));
                }
              }
            }
          }
        });
  }

  /** The rows of {@code [from, to)} whose draw has a shape. */
  private static int[] shaped(List<RowDraw> draws, int from, int to) {
    return IntStream.range(from, to)
        .filter(row -> draws.get(row).draw().shape().isPresent())
        .toArray();
  }

  /** Bytes of a row of logits in whole vectors. */
  private static long keptBytes(HostWeight head) {
    return Math.ceilDiv(head.rows(), Vectors.LANES) * Vectors.BYTES;
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

  /** How the head's ids are cut: panels that are multiplied at once, spans that are one task. */
  private record Spans(int count, int panel, int panels, int panelsPerSpan) {
    static Spans of(HostWeight head) {
      int panel = Linear.panel(head);
      int panels = Math.ceilDiv(head.rows(), panel);
      int panelsPerSpan = Math.ceilDiv(panels, MAX_SPANS);
      return new Spans(Math.ceilDiv(panels, panelsPerSpan), panel, panels, panelsPerSpan);
    }

    int firstPanel(int span) {
      return Math.min(panels, span * panelsPerSpan);
    }
  }
}
