package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.backend.KvLayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** f32 slots in pieces that are allocated when they are first written. */
final class HostKvLayer implements KvLayer {
  private static final int PIECE_SLOTS = 256;
  private static final long ALIGNMENT = 64;

  private final Arena arena;
  private final int slots;
  private final int columns;
  private final @Nullable MemorySegment[] pieces;

  /**
   * An empty cache.
   *
   * @param arena owns its memory
   */
  HostKvLayer(Arena arena, int slots, int columns) {
    this.arena = arena;
    this.slots = slots;
    this.columns = columns;
    pieces = new MemorySegment[Math.ceilDiv(slots, PIECE_SLOTS)];
  }

  @Override
  public int slots() {
    return slots;
  }

  @Override
  public int columns() {
    return columns;
  }

  private long slotBytes() {
    return 4L * columns;
  }

  void write(int slot, MemorySegment source, long from) {
    MemorySegment piece = pieces[slot / PIECE_SLOTS];
    if (piece == null) {
      int pieceSlots = Math.min(PIECE_SLOTS, slots - slot / PIECE_SLOTS * PIECE_SLOTS);
      piece = arena.allocate(pieceSlots * slotBytes(), ALIGNMENT);
      pieces[slot / PIECE_SLOTS] = piece;
    }
    MemorySegment.copy(source, from, piece, slot % PIECE_SLOTS * slotBytes(), slotBytes());
  }

  void read(int slot, MemorySegment target, long to) {
    MemorySegment piece = pieces[slot / PIECE_SLOTS];
    if (piece == null) {
      throw new IllegalStateException(
          "slot " + slot + " of a KV cache is read before it is written");
    }
    MemorySegment.copy(piece, slot % PIECE_SLOTS * slotBytes(), target, to, slotBytes());
  }
}
