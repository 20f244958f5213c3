package dev.palimpsest.engine.backend.host;

import dev.palimpsest.bindings.onednn.OneDnn;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Precision;
import java.lang.foreign.MemorySegment;

/**
 * {@code x · wᵀ} in tiles of one shape, so that a row's bits do not depend on how many rows there
 * are: always {@value #ROW_TILE} rows, or {@value #FEW_ROWS} if there are no more, which come out
 * alike (activations are padded to whole tiles; what a product writes into the padding is never
 * read), and panels of columns that depend on the weight alone.
 *
 * <p>f32 weights are multiplied as they are. bf16 weights are multiplied natively where the CPU can
 * (inputs rounded to bf16, sums in f32); elsewhere a panel is widened to f32 just before it is
 * multiplied, so the weights stay bf16 in memory and the inputs f32.
 */
final class Linear {
  /**
   * A multiple of 6 because oneDNN's f32 product on AVX2 gives the last two rows of a tile of 8 or
   * 32 other bits than the rest (3.11); 24 and 48 rows came out alike on SSE4.1, AVX and AVX2.
   */
  static final int ROW_TILE = 24;

  /** A tile for a step over few tokens: rows of the same bits, at half the cost or less. */
  static final int FEW_ROWS = 6;

  /**
   * Columns that oneDNN's f32 product works on together on AVX2: in a multiple of these, an element
   * is one chain of fused multiply-adds, however many columns there are.
   */
  static final int STEP = 16;

  private static final int WIDEST_PANEL = 128;
  private static final int NARROWEST_PANEL = 16;
  private static final long WIDENED_PANEL_BYTES = 512 << 10;
  private static final int TILES_PER_TASK = 4;

  private final Workers workers;
  private final Scratch[] scratch;
  private final Gemm gemm;
  private final Scratch narrowed = new Scratch();

  Linear(Workers workers, Scratch[] scratch, Gemm gemm) {
    this.workers = workers;
    this.scratch = scratch;
    this.gemm = gemm;
  }

  /** Rows that are multiplied where {@code rows} are wanted, at most a tile. */
  static int tile(int rows) {
    return rows <= FEW_ROWS ? FEW_ROWS : ROW_TILE;
  }

  /** Tiles that hold {@code rows}. */
  static int tiles(int rows) {
    return Math.ceilDiv(rows, ROW_TILE);
  }

  static boolean multipliesBf16() {
    return OneDnn.isAvailable() && OneDnn.hasFastBf16();
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
    int panel = panel(w);
    int panels = Math.ceilDiv(out.columns(), panel);
    int tiles = tiles(x.rows());
    int groups = Math.ceilDiv(tiles, TILES_PER_TASK);
    workers.run(
        panels * groups,
        (task, worker) -> {
          int column = task / groups * panel;
          int width = Math.min(panel, out.columns() - column);
          Panel weights = panel(w, firstRow + column, width, worker, 0);
          int first = task % groups * TILES_PER_TASK;
          for (int tile = first; tile < Math.min(tiles, first + TILES_PER_TASK); tile++) {
            long target = 4 * (out.row(tile * ROW_TILE) + column);
            int rows = tile(x.rows() - tile * ROW_TILE);
            multiplyTile(input, tile, rows, weights, beta, results, target, out.stride());
          }
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
    if (w.precision() == Precision.BF16 && multipliesBf16()) {
      Bf16Vectors.narrow(memory, at, memory, narrowed, (long) rows * w.columns());
      input = new Input(memory, narrowed, w.columns(), w.columns(), Short.BYTES);
    }
    int panel = panel(w);
    for (int column = 0; column < columns; column += panel) {
      int width = Math.min(panel, columns - column);
      Panel weights = panel(w, firstRow + column, width, worker, 0);
      multiplyTile(input, 0, tile(rows), weights, 0, memory, to + 4L * column, columns);
    }
  }

  /** Columns that are multiplied at a time. */
  static int panel(HostWeight w) {
    if (w.precision() == Precision.F32 || multipliesBf16()) {
      return WIDEST_PANEL;
    }
    long fitting = WIDENED_PANEL_BYTES / (4L * w.columns()) / NARROWEST_PANEL * NARROWEST_PANEL;
    return Math.clamp(fitting, NARROWEST_PANEL, WIDEST_PANEL);
  }

  /** Bytes of a worker's scratch that {@link #panel} takes. */
  static long panelBytes(HostWeight w) {
    return w.precision() == Precision.F32 || multipliesBf16() ? 0 : 4L * panel(w) * w.columns();
  }

  /** The rows of {@code x}, rounded to bf16 if that is what gets multiplied. */
  Input input(MemorySegment step, Activation x, HostWeight w) {
    if (w.precision() == Precision.F32 || !multipliesBf16()) {
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

  /** Rows [first, first + width) of {@code w}, widened into the worker's scratch if need be. */
  Panel panel(HostWeight w, int first, int width, int worker, long scratchOffset) {
    if (panelBytes(w) == 0) {
      return new Panel(w.data(), first * w.rowBytes(), width);
    }
    MemorySegment target = scratch[worker].atLeast(scratchOffset + panelBytes(w));
    Bf16Vectors.widen(
        w.data(), first * w.rowBytes(), target, scratchOffset, (long) width * w.columns());
    return new Panel(target, scratchOffset, width);
  }

  /**
   * One tile of rows by one panel of columns.
   *
   * @param tileRows rows that are multiplied, as {@link #tile} has it; native bf16 takes whole
   *     tiles
   */
  void multiplyTile(
      Input x,
      int tile,
      int tileRows,
      Panel panel,
      float beta,
      MemorySegment target,
      long targetAt,
      int targetStride) {
    long rows = x.tile(tile);
    int k = x.columns();
    if (x.elementBytes() == Short.BYTES) {
      OneDnn.gemmBf16(
          ROW_TILE,
          panel.width(),
          k,
          x.data(),
          rows,
          x.stride(),
          panel.data(),
          panel.offset(),
          k,
          beta,
          target,
          targetAt,
          targetStride);
    } else {
      gemm.timesTransposed(
          tileRows,
          panel.width(),
          k,
          x.data(),
          rows,
          x.stride(),
          panel.data(),
          panel.offset(),
          k,
          beta,
          target,
          targetAt,
          targetStride);
    }
  }

  void close() {
    narrowed.close();
  }

  /** The left-hand rows in the form they are multiplied in; the offset is in bytes. */
  record Input(MemorySegment data, long offset, int stride, int columns, int elementBytes) {
    long tile(int tile) {
      return offset + (long) tile * ROW_TILE * stride * elementBytes;
    }
  }

  /** Some rows of a weight in the form they are multiplied in; the offset is in bytes. */
  record Panel(MemorySegment data, long offset, int width) {}
}
