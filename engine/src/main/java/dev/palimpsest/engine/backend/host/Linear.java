package dev.palimpsest.engine.backend.host;

import dev.palimpsest.bindings.onednn.OneDnn;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Precision;
import java.lang.foreign.MemorySegment;

/**
 * {@code x · wᵀ} in blocks of up to {@value #BLOCK_ROWS} rows by {@value #BLOCK_COLUMNS} columns. A
 * row's bits do not depend on how many rows there are: rows are multiplied in multiples of {@value
 * #ROW_STEP}, or {@value #FEW_ROWS} if there are no more, which come out alike (activations are
 * padded, what a product writes into the padding is never read), and columns are cut as the
 * weight's panels are.
 *
 * <p>f32 panels are multiplied as they are. bf16 weights are multiplied natively where the CPU can
 * (inputs rounded to bf16, sums in f32); elsewhere a panel is widened to f32 just before it is
 * multiplied, so the weights stay bf16 in memory and the inputs f32.
 */
final class Linear {
  /** Rows that padded activations are a multiple of, and that native bf16 products always have. */
  static final int ROW_TILE = 24;

  /**
   * Rows that oneDNN's f32 product works on together on AVX2. It gives what is left of a number of
   * rows by 6 other bits than the rest (3.11); multiples of 6 came out alike on SSE4.1, AVX and
   * AVX2.
   */
  static final int ROW_STEP = 6;

  /** Fewest rows that come out like those of larger numbers. */
  static final int FEW_ROWS = 4;

  /**
   * Columns that oneDNN's f32 product works on together on AVX2: in a multiple of these, an element
   * is one chain of fused multiply-adds, however many columns there are.
   */
  static final int STEP = 16;

  /**
   * Most rows that are multiplied with a panel while it is at hand; oneDNN halves larger numbers,
   * and then not always into multiples of 6.
   */
  static final int BLOCK_ROWS = 3 * ROW_TILE;

  /** Columns that one task works on. */
  static final int BLOCK_COLUMNS = 128;

  private static final int LONG_SUM = 512;

  private final Workers workers;
  private final Scratch[] widened;
  private final Gemm gemm;
  private final Scratch narrowed = new Scratch();

  Linear(Workers workers, Gemm gemm) {
    this.workers = workers;
    this.gemm = gemm;
    widened = Scratch.each(workers.count());
  }

  /** Rows that are multiplied where {@code rows} are wanted. */
  static int padded(int rows) {
    return rows <= FEW_ROWS ? FEW_ROWS : Math.ceilDiv(rows, ROW_STEP) * ROW_STEP;
  }

  /** Tiles that hold {@code rows}. */
  static int tiles(int rows) {
    return Math.ceilDiv(rows, ROW_TILE);
  }

  static boolean multipliesBf16() {
    return OneDnn.isAvailable() && OneDnn.hasFastBf16();
  }

  /**
   * Rows of the panels in which a weight is to be held: so few that even a long panel is read in
   * one stream, and enough for a call to be worth it. Native bf16 products take row-major matrices.
   */
  static int panel(Precision precision, int columns) {
    if (precision == Precision.BF16 && multipliesBf16()) {
      return 1;
    }
    return columns < LONG_SUM ? 4 * STEP : STEP;
  }

  void multiply(
      MemorySegment step, Activation x, HostWeight w, int firstRow, float beta, Activation out) {
    multiply(step, x, w, firstRow, beta, step, out);
  }

  /** The same, with the result in memory of its own, which holds whole tiles. */
  void multiply(
      MemorySegment step,
      Activation x,
      HostWeight w,
      int firstRow,
      float beta,
      MemorySegment results,
      Activation out) {
    Input input = input(step, x, w);
    int rowBlocks = Math.ceilDiv(x.rows(), BLOCK_ROWS);
    int columnBlocks = Math.ceilDiv(out.columns(), BLOCK_COLUMNS);
    workers.run(
        rowBlocks * columnBlocks,
        (task, worker) -> {
          int row = task % rowBlocks * BLOCK_ROWS;
          int rows = Math.min(BLOCK_ROWS, x.rows() - row);
          int column = task / rowBlocks * BLOCK_COLUMNS;
          int columns = Math.min(BLOCK_COLUMNS, out.columns() - column);
          long target = 4 * (out.row(row) + column);
          multiplyBlock(
              input,
              row,
              rows,
              w,
              firstRow + column,
              columns,
              beta,
              results,
              target,
              out.stride(),
              worker);
        });
  }

  /**
   * Multiplies up to a tile of rows with the rows {@code [firstRow, firstRow + columns)} of {@code
   * w}, on the calling worker alone; input and result are dense, in the worker's own memory.
   *
   * @param memory holds whole tiles of input and result
   * @param at byte where the input starts
   * @param to byte where the result starts
   * @param narrowed byte of room for the input in bf16
   */
  void multiplyRows(
      MemorySegment memory,
      long at,
      int rows,
      HostWeight w,
      int firstRow,
      int columns,
      long to,
      long narrowed,
      int worker) {
    Input input = new Input(memory, at, w.columns(), w.columns(), Float.BYTES);
    if (isNative(w)) {
      Bf16Vectors.narrow(memory, at, memory, narrowed, (long) rows * w.columns());
      input = new Input(memory, narrowed, w.columns(), w.columns(), Short.BYTES);
    }
    multiplyBlock(input, 0, rows, w, firstRow, columns, 0, memory, to, columns, worker);
  }

  private static boolean isNative(HostWeight w) {
    return w.precision() == Precision.BF16 && w.panel() == 1;
  }

  /** The rows of {@code x}, rounded to bf16 if that is what gets multiplied. */
  Input input(MemorySegment step, Activation x, HostWeight w) {
    if (!isNative(w)) {
      return new Input(step, 4 * x.offset(), x.stride(), x.columns(), Float.BYTES);
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
    return new Input(target, 0, x.columns(), x.columns(), Short.BYTES);
  }

  /**
   * A block of rows by some rows of the weight, on the calling worker alone.
   *
   * @param row the block's first, a multiple of {@value #ROW_TILE}
   * @param rows at most {@value #BLOCK_ROWS}
   * @param first row of {@code w}
   * @param columns rows of {@code w}, columns of the result
   * @param target holds whole tiles of rows
   */
  void multiplyBlock(
      Input x,
      int row,
      int rows,
      HostWeight w,
      int first,
      int columns,
      float beta,
      MemorySegment target,
      long targetAt,
      int targetStride,
      int worker) {
    if (isNative(w)) {
      for (int tile = 0; tile < rows; tile += ROW_TILE) {
        OneDnn.gemmBf16(
            ROW_TILE,
            columns,
            w.columns(),
            x.data(),
            x.row(row + tile),
            x.stride(),
            w.data(),
            w.at(first, 0),
            w.columns(),
            beta,
            target,
            targetAt + 4L * tile * targetStride,
            targetStride);
      }
      return;
    }
    int width;
    for (int done = 0; done < columns; done += width) {
      int inPanel = (first + done) % w.panel();
      width = Math.min(columns - done, w.panel() - inPanel);
      int panelRow = first + done - inPanel;
      MemorySegment panel = w.data();
      long panelAt = w.at(panelRow, 0);
      if (w.precision() == Precision.BF16) {
        long elements = (long) w.panel() * w.columns();
        panel = widened[worker].atLeast(4 * elements);
        Bf16Vectors.widen(w.data(), panelAt, panel, 0, elements);
        panelAt = 0;
      }
      gemm.times(
          padded(rows),
          width,
          w.columns(),
          x.data(),
          x.row(row),
          x.stride(),
          panel,
          panelAt + 4L * inPanel,
          w.panel(),
          beta,
          target,
          targetAt + 4L * done,
          targetStride);
    }
  }

  /** Makes what was widened or narrowed NaN. */
  void poison() {
    narrowed.poison();
    for (Scratch each : widened) {
      each.poison();
    }
  }

  void close() {
    narrowed.close();
    for (Scratch each : widened) {
      each.close();
    }
  }

  /** The left-hand rows in the form they are multiplied in; the offset is in bytes. */
  record Input(MemorySegment data, long offset, int stride, int columns, int elementBytes) {
    /** The byte where a row starts. */
    long row(int row) {
      return offset + (long) row * stride * elementBytes;
    }
  }
}
