package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.StepArena.ROW_TILE;

import dev.palimpsest.bindings.onednn.OneDnn;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Precision;
import java.lang.foreign.MemorySegment;

/**
 * {@code x · wᵀ} in tiles of one shape, so that a row's bits do not depend on how many rows there
 * are: always {@link dev.palimpsest.engine.backend.StepArena#ROW_TILE} rows (activations are padded
 * to whole tiles; what a product writes into the padding is never read), and panels of columns that
 * depend on the weight alone.
 *
 * <p>f32 weights are multiplied as they are. bf16 weights are multiplied natively where the CPU can
 * (inputs rounded to bf16, sums in f32); elsewhere a panel is widened to f32 just before it is
 * multiplied, so the weights stay bf16 in memory and the inputs f32.
 */
final class Linear {
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

  static boolean multipliesBf16() {
    return OneDnn.isAvailable() && OneDnn.hasFastBf16();
  }

  void multiply(
      MemorySegment step, Activation x, HostWeight w, int firstRow, float beta, Activation out) {
    Input input = input(step, x, w);
    int panel = panel(w);
    int panels = Math.ceilDiv(out.columns(), panel);
    int tiles = Math.ceilDiv(x.rows(), ROW_TILE);
    int groups = Math.ceilDiv(tiles, TILES_PER_TASK);
    workers.run(
        panels * groups,
        (task, worker) -> {
          int column = task / groups * panel;
          int width = Math.min(panel, out.columns() - column);
          Panel weights = panel(w, firstRow + column, width, worker, 0);
          int first = task % groups * TILES_PER_TASK;
          for (int tile = first; tile < Math.min(tiles, first + TILES_PER_TASK); tile++) {
            MemorySegment target = step.asSlice(out.rowOffset(tile * ROW_TILE) + 4L * column);
            multiplyTile(input, tile, weights, beta, target, out.stride());
          }
        });
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
      return new Input(step, x.offset(), x.stride(), x.columns(), Float.BYTES);
    }
    int tiles = Math.ceilDiv(x.rows(), ROW_TILE);
    MemorySegment target = narrowed.atLeast(2L * tiles * ROW_TILE * x.columns());
    workers.run(
        tiles,
        (tile, _) -> {
          for (int row = tile * ROW_TILE; row < (tile + 1) * ROW_TILE; row++) {
            Bf16.narrow(step, x.rowOffset(row), target, 2L * row * x.columns(), x.columns());
          }
        });
    return new Input(target, 0, x.columns(), x.columns(), Short.BYTES);
  }

  /** Rows [first, first + width) of {@code w}, widened into the worker's scratch if need be. */
  Panel panel(HostWeight w, int first, int width, int worker, long scratchOffset) {
    if (panelBytes(w) == 0) {
      return new Panel(w.from(first), width);
    }
    MemorySegment target =
        scratch[worker].atLeast(scratchOffset + panelBytes(w)).asSlice(scratchOffset);
    Bf16.widen(w.data(), first * w.rowBytes(), target, 0, (long) width * w.columns());
    return new Panel(target, width);
  }

  /** One tile of rows by one panel of columns. */
  void multiplyTile(
      Input x, int tile, Panel panel, float beta, MemorySegment target, int targetStride) {
    MemorySegment rows = x.tile(tile);
    int k = x.columns();
    if (x.elementBytes() == Short.BYTES) {
      OneDnn.gemmBf16(
          ROW_TILE,
          panel.width(),
          k,
          rows,
          x.stride(),
          panel.data(),
          k,
          beta,
          target,
          targetStride);
    } else {
      gemm.timesTransposed(
          ROW_TILE,
          panel.width(),
          k,
          rows,
          x.stride(),
          panel.data(),
          k,
          beta,
          target,
          targetStride);
    }
  }

  void close() {
    narrowed.close();
  }

  /** The left-hand rows in the form they are multiplied in. */
  record Input(MemorySegment data, long offset, int stride, int columns, int elementBytes) {
    MemorySegment tile(int tile) {
      return data.asSlice(offset + (long) tile * ROW_TILE * stride * elementBytes);
    }
  }

  /** Some rows of a weight in the form they are multiplied in. */
  record Panel(MemorySegment data, int width) {}
}
