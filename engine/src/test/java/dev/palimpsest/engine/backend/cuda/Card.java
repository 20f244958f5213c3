package dev.palimpsest.engine.backend.cuda;

import java.util.List;

/**
 * What a step is predicted for: an H100 SXM, in numbers that are estimates. None was measured with
 * these kernels; {@code docs/benchmarks/roofline.md} says where each is from.
 *
 * <p>A product is cut into the best of {@link #TILES}. A multiprocessor computes a tile at a time,
 * so the last wave takes as long as a full one. Two neighbours share what they read of one matrix.
 */
final class Card {
  static final double BANDWIDTH = 3.0e12;
  static final double FLOPS = 790e12;
  static final int MULTIPROCESSORS = 132;
  static final double BANDWIDTH_OF_ONE = 2 * BANDWIDTH / MULTIPROCESSORS;
  static final double L2_BANDWIDTH = 6.2e12;
  static final double GAP = 1.2e-6;
  static final double ATTENTION_FLOPS = 260e12;
  static final double EXPERT_FLOPS = 300e12;
  static final double ROUTER_FLOPS = 17e12;

  /** Outputs and rows of a tile. */
  private record Tile(int outputs, int rows) {
    /** Seconds an input that the arithmetic takes. */
    double computing() {
      return 2.0 * outputs * rows * MULTIPROCESSORS / FLOPS;
    }

    /** Seconds an input until so many tiles have read their share of both matrices. */
    double reading(long tiles) {
      int shared = Math.max(outputs, rows);
      int own = Math.min(outputs, rows);
      return tiles * Short.BYTES * (shared / 2.0 + own) / L2_BANDWIDTH;
    }
  }

  private static final List<Tile> TILES =
      List.of(
          new Tile(64, 8),
          new Tile(64, 16),
          new Tile(64, 32),
          new Tile(64, 64),
          new Tile(64, 128),
          new Tile(64, 256),
          new Tile(128, 64),
          new Tile(128, 128),
          new Tile(128, 192),
          new Tile(128, 256),
          new Tile(192, 128),
          new Tile(256, 64),
          new Tile(256, 128));

  private Card() {}

  /** The least time for so much, if everything overlaps and every multiprocessor is busy. */
  static double floor(double bytes, double flop) {
    return Math.max(bytes / BANDWIDTH, flop / FLOPS);
  }

  /** The time of a launch of so many blocks. */
  static double launch(double bytes, long blocks, double flop, double flops) {
    return Math.max(transfer(bytes, blocks), flop / flops);
  }

  private static double transfer(double bytes, long blocks) {
    return bytes / Math.min(BANDWIDTH, blocks * BANDWIDTH_OF_ONE);
  }

  /** The time of a product of {@code rows} rows. */
  static double product(double bytes, long outputs, long rows, long inputs) {
    double best = Double.POSITIVE_INFINITY;
    for (Tile tile : TILES) {
      long tiles = Math.ceilDiv(outputs, tile.outputs) * Math.ceilDiv(rows, tile.rows);
      long waves = Math.ceilDiv(tiles, (long) MULTIPROCESSORS);
      double wave =
          inputs * Math.max(tile.computing(), tile.reading(Math.min(tiles, MULTIPROCESSORS)));
      best = Math.min(best, Math.max(waves * wave, transfer(bytes, tiles)));
    }
    return best;
  }
}
