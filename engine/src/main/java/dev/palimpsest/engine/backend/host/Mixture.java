package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Linear.ROW_TILE;
import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static dev.palimpsest.engine.backend.host.Vectors.load;
import static dev.palimpsest.engine.backend.host.Vectors.store;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.bindings.onednn.Matrix;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.model.Experts;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A mixture of experts: rows are grouped by expert, and every expert multiplies tiles of its own
 * rows. A tile has one shape however many rows it holds, and a row's terms are added in the order
 * of the experts, so a row's bits depend on that row alone.
 */
final class Mixture {
  private final Workers workers;
  private final Linear linear;
  private final Scratch[] tiles;
  private final Scratch scores = new Scratch();
  private int[] chosen = {};
  private float[] weights = {};

  Mixture(Workers workers, Linear linear) {
    this.workers = workers;
    this.linear = linear;
    tiles = new Scratch[workers.count()];
    Arrays.setAll(tiles, _ -> new Scratch());
  }

  /** Rows of one expert that are multiplied together: places in {@code slots}. */
  private record Piece(int expert, int[] slots) {}

  /**
   * Computes the sum over the experts that are chosen for every row.
   *
   * @param routed what the router multiplies
   * @param adds whether {@code sum} holds something that this is added to
   */
  void add(
      MemorySegment step,
      Activation routed,
      Activation x,
      HostWeight router,
      Experts experts,
      ExpertWeights all,
      Activation outputs,
      boolean adds,
      Activation sum) {
    choose(step, routed, router, experts, all);
    Piece[] pieces = pieces(x.rows(), experts);
    workers.run(
        pieces.length,
        (piece, worker) -> multiply(step, x, experts, all, pieces[piece], outputs, worker));
    int terms = experts.perToken();
    workers.run(
        Linear.tiles(x.rows()),
        (tile, _) -> {
          int end = Math.min(x.rows(), (tile + 1) * ROW_TILE);
          for (int row = tile * ROW_TILE; row < end; row++) {
            if (!adds) {
              step.asSlice(4 * sum.row(row), 4L * sum.columns()).fill((byte) 0);
            }
            for (int slot = row * terms; slot < (row + 1) * terms; slot++) {
              addScaled(
                  step,
                  output(outputs, slot, terms),
                  weights[slot],
                  4 * sum.row(row),
                  sum.columns());
            }
          }
        });
  }

  private void choose(
      MemorySegment step, Activation x, HostWeight router, Experts experts, ExpertWeights all) {
    int rows = x.rows();
    int terms = experts.perToken();
    int count = experts.count();
    MemorySegment products = scores.atLeast(4L * Linear.tiles(rows) * ROW_TILE * count);
    linear.multiply(step, x, router, 0, false, products, new Activation(0, rows, count, count));
    if (chosen.length < rows * terms) {
      chosen = new int[rows * terms];
      weights = new float[rows * terms];
    }
    float[] bias = all.bias().map(Mixture::values).orElseGet(() -> new float[0]);
    float[] scale = all.scale().map(Mixture::values).orElseGet(() -> new float[0]);
    workers.run(
        Linear.tiles(rows),
        (tile, _) -> {
          float[] row = new float[count];
          for (int i = tile * ROW_TILE; i < Math.min(rows, (tile + 1) * ROW_TILE); i++) {
            MemorySegment.copy(products, JAVA_FLOAT, 4L * i * count, row, 0, count);
            Routing.choose(row, bias, scale, experts, chosen, weights, i * terms);
          }
        });
  }

  private static float[] values(Weight vector) {
    return ((HostWeight) vector).data().toArray(JAVA_FLOAT);
  }

  private Piece[] pieces(int rows, Experts experts) {
    int slots = rows * experts.perToken();
    int[] counts = new int[experts.count()];
    for (int slot = 0; slot < slots; slot++) {
      counts[chosen[slot]]++;
    }
    int[][] byExpert = new int[experts.count()][];
    Arrays.setAll(byExpert, expert -> new int[counts[expert]]);
    for (int slot = slots - 1; slot >= 0; slot--) {
      int expert = chosen[slot];
      byExpert[expert][--counts[expert]] = slot;
    }
    int tileCount = 0;
    for (int[] own : byExpert) {
      tileCount += Linear.tiles(own.length);
    }
    Piece[] pieces = new Piece[tileCount];
    int next = 0;
    for (int expert = 0; expert < byExpert.length; expert++) {
      int[] own = byExpert[expert];
      for (int first = 0; first < own.length; first += ROW_TILE) {
        int end = Math.min(own.length, first + ROW_TILE);
        pieces[next++] = new Piece(expert, Arrays.copyOfRange(own, first, end));
      }
    }
    return pieces;
  }

  private void multiply(
      MemorySegment step,
      Activation x,
      Experts experts,
      ExpertWeights all,
      Piece piece,
      Activation outputs,
      int worker) {
    int hidden = x.columns();
    int width = experts.width();
    int rows = piece.slots().length;
    long gateUp = 4L * ROW_TILE * hidden;
    long activated = gateUp + 8L * ROW_TILE * width;
    long result = activated + 4L * ROW_TILE * width;
    long narrowed = result + 4L * ROW_TILE * hidden;
    MemorySegment memory =
        tiles[worker].atLeast(narrowed + 2L * ROW_TILE * Math.max(hidden, width));
    for (int i = 0; i < rows; i++) {
      long from = 4 * x.row(piece.slots()[i] / experts.perToken());
      MemorySegment.copy(step, from, memory, 4L * i * hidden, 4L * hidden);
    }
    HostWeight up = (HostWeight) all.gateUp();
    HostWeight down = (HostWeight) all.down();
    linear.multiplyRows(
        new Matrix(memory, 0, hidden),
        rows,
        up,
        piece.expert() * 2 * width,
        narrowed,
        new Matrix(memory, gateUp, 2 * width),
        worker);
    for (int i = 0; i < rows; i++) {
      long from = gateUp + 8L * i * width;
      long to = activated + 4L * i * width;
      switch (experts.gate()) {
        case SILU -> HostBackend.swiGlu(memory, from, to, width);
        case TANH_GELU -> HostBackend.geGlu(memory, from, to, width);
      }
    }
    linear.multiplyRows(
        new Matrix(memory, activated, width),
        rows,
        down,
        piece.expert() * hidden,
        narrowed,
        new Matrix(memory, result, hidden),
        worker);
    for (int i = 0; i < rows; i++) {
      long to = output(outputs, piece.slots()[i], experts.perToken());
      MemorySegment.copy(memory, result + 4L * i * hidden, step, to, 4L * hidden);
    }
  }

  /** Where the output of a row's expert starts, of all rows' experts in their order. */
  private static long output(Activation outputs, int slot, int terms) {
    return 4 * (outputs.row(slot / terms) + (long) slot % terms * (outputs.columns() / terms));
  }

  private static void addScaled(MemorySegment memory, long from, float weight, long to, int count) {
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
      store(
          load(memory, from + 4L * i).mul(weight).add(load(memory, to + 4L * i)),
          memory,
          to + 4L * i);
    }
    for (; i < count; i++) {
      float term = memory.get(JAVA_FLOAT, from + 4L * i) * weight;
      memory.set(JAVA_FLOAT, to + 4L * i, term + memory.get(JAVA_FLOAT, to + 4L * i));
    }
  }

  void close() {
    scores.close();
    for (Scratch each : tiles) {
      each.close();
    }
  }
}
