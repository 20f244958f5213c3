package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Linear.ROW_TILE;

import dev.palimpsest.engine.Prediction;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.RowDraw;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The head and the reduction of its logits, one tile of 24 rows by one panel of ids at a time.
 *
 * <p>The vocabulary is cut into at most {@value #MAX_SPANS} spans that depend on the head alone;
 * each span is folded in ascending order, and so are the spans, so a row's bits depend neither on
 * the other rows nor on the number of threads.
 */
final class Vocabulary {
  private static final int MAX_SPANS = 64;
  private static final int TILES_PER_TASK = 4;

  private final Workers workers;
  private final Scratch[] scratch;
  private final Linear linear;
  private RowFold[] folds = {};

  Vocabulary(Workers workers, Scratch[] scratch, Linear linear) {
    this.workers = workers;
    this.scratch = scratch;
    this.linear = linear;
  }

  List<Prediction> reduce(MemorySegment step, Activation x, HostWeight head, List<RowDraw> draws) {
    int rows = x.rows();
    int panel = Linear.panel(head);
    int panels = Math.ceilDiv(head.rows(), panel);
    int panelsPerSpan = Math.ceilDiv(panels, MAX_SPANS);
    int spans = Math.ceilDiv(panels, panelsPerSpan);
    int tiles = Linear.tiles(rows);
    int tileGroups = Math.ceilDiv(tiles, TILES_PER_TASK);
    prepareFolds(spans * rows);
    Linear.Input input = linear.input(step, x, head);
    long logitBytes = 4L * ROW_TILE * panel;
    workers.run(
        spans * tileGroups,
        (task, worker) -> {
          int span = task / tileGroups;
          int firstTile = task % tileGroups * TILES_PER_TASK;
          int endTile = Math.min(tiles, firstTile + TILES_PER_TASK);
          int endPanel = Math.min(panels, (span + 1) * panelsPerSpan);
          for (int p = span * panelsPerSpan; p < endPanel; p++) {
            int firstId = p * panel;
            int width = Math.min(panel, head.rows() - firstId);
            scratch[worker].atLeast(logitBytes + Linear.panelBytes(head));
            Linear.Panel weights = linear.panel(head, firstId, width, worker, logitBytes);
            MemorySegment logits = scratch[worker].memory();
            for (int tile = firstTile; tile < endTile; tile++) {
              linear.multiplyTile(input, tile, weights, 0, logits, 0, panel);
              int first = tile * ROW_TILE;
              for (int row = first; row < Math.min(rows, first + ROW_TILE); row++) {
                folds[span * rows + row].add(
                    logits, 4L * (row - first) * panel, firstId, width, draws.get(row));
              }
            }
          }
        });
    List<Prediction> predictions = new ArrayList<>(rows);
    for (int row = 0; row < rows; row++) {
      RowFold fold = folds[row];
      for (int span = 1; span < spans; span++) {
        fold.merge(folds[span * rows + row]);
      }
      predictions.add(fold.prediction(draws.get(row).draw()));
    }
    return predictions;
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
}
