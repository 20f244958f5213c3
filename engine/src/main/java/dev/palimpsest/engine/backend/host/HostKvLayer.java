package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.backend.KvLayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** f32 rows in pieces that are allocated when they are first written. */
final class HostKvLayer implements KvLayer {
  private static final int PIECE_ROWS = 256;
  private static final long ALIGNMENT = 64;

  private final Arena arena;
  private final int rows;
  private final int columns;
  private final @Nullable MemorySegment[] pieces;

  /**
   * An empty store.
   *
   * @param arena owns its memory
   */
  HostKvLayer(Arena arena, int rows, int columns) {
    this.arena = arena;
    this.rows = rows;
    this.columns = columns;
    pieces = new MemorySegment[Math.ceilDiv(rows, PIECE_ROWS)];
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int columns() {
    return columns;
  }

  private long rowBytes() {
    return 4L * columns;
  }

  void write(int row, MemorySegment source, long from) {
    MemorySegment piece = pieces[row / PIECE_ROWS];
    if (piece == null) {
      int pieceRows = Math.min(PIECE_ROWS, rows - row / PIECE_ROWS * PIECE_ROWS);
      piece = arena.allocate(pieceRows * rowBytes(), ALIGNMENT);
      pieces[row / PIECE_ROWS] = piece;
    }
    MemorySegment.copy(source, from, piece, row % PIECE_ROWS * rowBytes(), rowBytes());
  }

  void read(int row, MemorySegment target, long to) {
    MemorySegment piece = pieces[row / PIECE_ROWS];
    if (piece == null) {
      throw new IllegalStateException("row " + row + " of a store is read before it is written");
    }
    MemorySegment.copy(piece, row % PIECE_ROWS * rowBytes(), target, to, rowBytes());
  }
}
