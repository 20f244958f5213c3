package dev.palimpsest.engine.backend.host;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.palimpsest.engine.backend.TensorCopy;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Copies the rows of tensors into the panels of a {@link HostWeight}, a panel at a time, through
 * arrays: that is fast before anything is compiled, which loading mostly is.
 */
final class Panels {
  private final HostWeight weight;
  private final MemorySegment rows;
  private final int elements;
  private int panel;
  private int filled;

  private Panels(HostWeight weight, Arena arena) {
    this.weight = weight;
    elements = weight.panel() * weight.columns();
    rows = arena.allocate(4L * elements, Float.BYTES);
  }

  /** Fills {@code weight} with the rows of {@code parts}, one part after another. */
  static void fill(HostWeight weight, List<Tensor> parts) {
    if (weight.panel() == 1) {
      // Vectors that are stacked may differ in length: the biases of queries, keys and values do.
      long at = weight.at(0, 0);
      for (Tensor part : parts) {
        TensorCopy.into(weight.data(), at, weight.precision(), part);
        at += part.elements() * (weight.precision() == Precision.BF16 ? Short.BYTES : Float.BYTES);
      }
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      Panels panels = new Panels(weight, arena);
      for (Tensor part : parts) {
        panels.add(part);
      }
      panels.store();
    }
  }

  private void add(Tensor part) {
    int columns = weight.columns();
    long size = weight.precision() == Precision.BF16 ? Short.BYTES : Float.BYTES;
    long count = part.elements() / columns;
    for (long row = 0; row < count; ) {
      int taken = (int) Math.min(count - row, weight.panel() - filled);
      long at = size * filled * columns;
      TensorCopy.into(rows, at, weight.precision(), part, row * columns, (long) taken * columns);
      row += taken;
      filled += taken;
      if (filled == weight.panel()) {
        store();
      }
    }
  }

  private void store() {
    if (filled > 0) {
      switch (weight.precision()) {
        case F32 -> storeFloats();
        case BF16 -> storeHalves();
      }
    }
    panel++;
    filled = 0;
  }

  private void storeFloats() {
    float[] from = new float[filled * weight.columns()];
    float[] to = new float[elements];
    MemorySegment.copy(rows, JAVA_FLOAT, 0, from, 0, from.length);
    for (int row = 0; row < filled; row++) {
      int first = row * weight.columns();
      for (int column = 0; column < weight.columns(); column++) {
        to[column * weight.panel() + row] = from[first + column];
      }
    }
    MemorySegment.copy(to, 0, weight.data(), JAVA_FLOAT, 4L * panel * elements, elements);
  }

  private void storeHalves() {
    short[] from = new short[filled * weight.columns()];
    short[] to = new short[elements];
    MemorySegment.copy(rows, JAVA_SHORT, 0, from, 0, from.length);
    for (int row = 0; row < filled; row++) {
      int first = row * weight.columns();
      for (int column = 0; column < weight.columns(); column++) {
        to[column * weight.panel() + row] = from[first + column];
      }
    }
    MemorySegment.copy(to, 0, weight.data(), JAVA_SHORT, 2L * panel * elements, elements);
  }
}
