package dev.palimpsest.engine.backend.host;

import dev.palimpsest.bindings.onednn.Matrix;
import dev.palimpsest.bindings.onednn.OneDnn;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.device.Precision;
import java.lang.foreign.MemorySegment;

/**
 * {@code x · wᵀ} in blocks of up to {@value #BLOCK_ROWS} rows by {@value #BLOCK_COLUMNS} columns.
 *
 * <p>Weights stand in panels of {@value #PANEL} rows, in f32 or in bf16; bf16 panels are widened to
 * f32 a block at a time, or in the kernel, which changes no bit. Products with them are those of
 * {@link Gemm}.
 *
 * <p>In {@link Precision#BF16} weights are row-major, inputs are rounded to bf16, and oneDNN
 * multiplies both natively, in tiles of {@value #ROW_TILE} rows (activations are padded, what a
 * product writes into the padding is never read), so that a row's bits do not depend on the batch.
 */
final class Linear {
  /** Rows that padded activations are a multiple of, and that native bf16 products always have. */
  static final int ROW_TILE = 24;

  /** Columns that f32 products are a multiple of. */
  static final int STEP = 16;

  /** Rows of a weight's panel. */
  static final int PANEL = 64;

  /** Most rows that are multiplied with a panel while it is at hand. */
  static final int BLOCK_ROWS = 6 * ROW_TILE;

  /** Columns that one task works on. */
  static final int BLOCK_COLUMNS = 2 * PANEL;

  private final Workers workers;
  private final Scratch[] widened;
  private final Scratch[] edges;
  private final Gemm gemm;
  private final Scratch narrowed = new Scratch();

  Linear(Workers workers, Gemm gemm) {
    this.workers = workers;
    this.gemm = gemm;
    widened = Scratch.each(workers.count());
    edges = Scratch.each(workers.count());
  }

  /** Tiles that hold {@code rows}. */
  static int tiles(int rows) {
    return Math.ceilDiv(rows, ROW_TILE);
  }

  void multiply(
      MemorySegment step, Activation x, HostWeight w, int firstRow, boolean add, Activation out) {
    multiply(step, x, w, firstRow, add, step, out);
  }

  /** Multiplies into a result in memory of its own, which holds whole tiles. */
  void multiply(
      MemorySegment step,
      Activation x,
      HostWeight w,
      int firstRow,
      boolean add,
      MemorySegment results,
      Activation out) {
    Matrix input = input(step, x, w);
    int rowBlocks = Math.ceilDiv(x.rows(), BLOCK_ROWS);
    int columnBlocks = Math.ceilDiv(out.columns(), BLOCK_COLUMNS);
    workers.run(
        rowBlocks * columnBlocks,
        (task, worker) -> {
          int row = task % rowBlocks * BLOCK_ROWS;
          int rows = Math.min(BLOCK_ROWS, x.rows() - row);
          int column = task / rowBlocks * BLOCK_COLUMNS;
          int columns = Math.min(BLOCK_COLUMNS, out.columns() - column);
          Matrix target = new Matrix(results, 4 * (out.row(row) + column), out.stride());
          Matrix block = rowsFrom(row, input, w);
          multiplyBlock(block, rows, w, firstRow + column, columns, add, target, worker);
        });
  }

  /**
   * Multiplies up to a tile of rows with as many rows of {@code w}, from {@code firstRow} on, as
   * {@code target} has columns, on the calling worker alone; input and result are dense, in the
   * worker's own memory, and hold whole tiles.
   *
   * @param narrowed byte, in the memory of {@code x}, of room for the input in bf16
   */
  void multiplyRows(
      Matrix x, int rows, HostWeight w, int firstRow, long narrowed, Matrix target, int worker) {
    Matrix input = x;
    if (w.isRowMajor()) {
      input = new Matrix(x.segment(), narrowed, w.columns());
      Bf16Vectors.narrow(x.segment(), x.at(), x.segment(), narrowed, (long) rows * w.columns());
    }
    multiplyBlock(input, rows, w, firstRow, target.stride(), false, target, worker);
  }

  /** The rows of {@code x}, rounded to bf16 beside row-major weights, which multiply that. */
  Matrix input(MemorySegment step, Activation x, HostWeight w) {
    if (!w.isRowMajor()) {
      return new Matrix(step, 4 * x.offset(), x.stride());
    }
    int tiles = tiles(x.rows());
    MemorySegment target = narrowed.atLeast(2L * tiles * ROW_TILE * x.columns());
    workers.run(
        tiles,
        (tile, _) -> {
          for (int row = tile * ROW_TILE; row < (tile + 1) * ROW_TILE; row++) {
            Bf16Vectors.narrow(step, 4 * x.row(row), target, 2L * row * x.columns(), x.columns());
          }
        });
    return new Matrix(target, 0, x.columns());
  }

  /** An {@link #input} from a row on. */
  static Matrix rowsFrom(int row, Matrix input, HostWeight w) {
    return w.isRowMajor() ? input.fromBf16(row, 0) : input.from(row, 0);
  }

  /**
   * A block of rows by some rows of the weight, on the calling worker alone.
   *
   * @param x an {@link #input} from the block's first row on, a multiple of {@value #ROW_TILE}
   * @param rows at most {@value #BLOCK_ROWS}
   * @param first row of {@code w}
   * @param columns rows of {@code w}, columns of the result
   * @param target holds whole tiles of rows
   */
  void multiplyBlock(
      Matrix x,
      int rows,
      HostWeight w,
      int first,
      int columns,
      boolean add,
      Matrix target,
      int worker) {
    if (w.isRowMajor()) {
      multiplyBf16(x, rows, w, first, columns, add, target);
      return;
    }
    int width;
    for (int done = 0; done < columns; done += width) {
      int inPanel = (first + done) % PANEL;
      int inStep = inPanel % STEP;
      int left = Math.min(columns - done, PANEL - inPanel);
      if (inStep == 0 && left >= STEP) {
        width = left / STEP * STEP;
        multiplyPanel(rows, width, x, w, first + done, add, target.from(0, done), worker);
      } else {
        width = Math.min(left, STEP - inStep);
        multiplyEdge(rows, width, x, w, first + done, add, target.from(0, done), worker);
      }
    }
  }

  /** Fewer columns than can be multiplied alone: with their neighbours, beside the result. */
  private void multiplyEdge(
      int rows,
      int width,
      Matrix x,
      HostWeight w,
      int first,
      boolean add,
      Matrix target,
      int worker) {
    int inStep = first % STEP;
    MemorySegment memory = edges[worker].atLeast(4L * tiles(rows) * ROW_TILE * STEP);
    Matrix edge = new Matrix(memory, 0, STEP);
    if (add) {
      for (int i = 0; i < rows; i++) {
        MemorySegment.copy(
            target.segment(), target.at(i, 0), memory, edge.at(i, inStep), 4L * width);
      }
    }
    multiplyPanel(rows, STEP, x, w, first - inStep, add, edge, worker);
    for (int i = 0; i < rows; i++) {
      MemorySegment.copy(memory, edge.at(i, inStep), target.segment(), target.at(i, 0), 4L * width);
    }
  }

  /** Columns of one panel. */
  private void multiplyPanel(
      int rows,
      int columns,
      Matrix x,
      HostWeight w,
      int first,
      boolean add,
      Matrix target,
      int worker) {
    int k = w.columns();
    Matrix panel = new Matrix(w.data(), w.at(first, 0), PANEL);
    if (w.precision() == Precision.F32) {
      gemm.multiply(rows, columns, k, x, panel, add, target);
    } else if (gemm.takesBf16(rows)) {
      gemm.multiplyBf16(rows, columns, k, x, panel, add, target);
    } else {
      MemorySegment block = widened[worker].atLeast(4L * Arithmetic.CHAIN * PANEL);
      Matrix floats = new Matrix(block, 0, PANEL);
      for (int p = 0; p < k; p += Arithmetic.CHAIN) {
        int terms = Math.min(Arithmetic.CHAIN, k - p);
        // Up to the last column only: the panel may end there.
        long elements = (terms - 1L) * PANEL + columns;
        Bf16Vectors.widen(w.data(), panel.at() + 2L * p * PANEL, block, 0, elements);
        gemm.multiply(rows, columns, terms, x.from(0, p), floats, add || p > 0, target);
      }
    }
  }

  private static void multiplyBf16(
      Matrix x, int rows, HostWeight w, int first, int columns, boolean add, Matrix target) {
    int k = w.columns();
    float beta = add ? 1 : 0;
    Matrix right = new Matrix(w.data(), w.at(first, 0), k);
    for (int tile = 0; tile < rows; tile += ROW_TILE) {
      Matrix left = x.fromBf16(tile, 0);
      OneDnn.gemmBf16(ROW_TILE, columns, k, left, right, beta, target.from(tile, 0));
    }
  }

  /** Makes what was widened or narrowed NaN. */
  void poison() {
    narrowed.poison();
    for (int i = 0; i < widened.length; i++) {
      widened[i].poison();
      edges[i].poison();
    }
  }

  void close() {
    narrowed.close();
    for (int i = 0; i < widened.length; i++) {
      widened[i].close();
      edges[i].close();
    }
  }
}
