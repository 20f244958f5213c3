package dev.palimpsest.engine.backend;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import java.lang.foreign.MemorySegment;

/**
 * Copies the elements of a stored tensor into native memory in the precision they are used in,
 * piece by piece through arrays: that is fast before anything is compiled, which loading mostly is.
 */
public final class TensorCopy {
  private static final int PIECE = 1 << 14;

  private TensorCopy() {}

  /**
   * Copies every element.
   *
   * @param at byte of {@code target} where the first element goes
   */
  public static void into(MemorySegment target, long at, Precision precision, Tensor source) {
    into(target, at, precision, source, 0, source.elements());
  }

  /**
   * Copies some of the elements.
   *
   * @param at byte of {@code target} where the first of them goes
   * @param from the first of them
   * @param elements how many
   */
  public static void into(
      MemorySegment target, long at, Precision precision, Tensor source, long from, long elements) {
    if (source.dtype() == stored(precision)) {
      long size = source.dtype().bytes();
      MemorySegment.copy(source.data(), size * from, target, at, size * elements);
    } else {
      float[] piece = new float[PIECE];
      for (long first = 0; first < elements; first += PIECE) {
        int count = (int) Math.min(PIECE, elements - first);
        read(source, from + first, piece, count);
        switch (precision) {
          case F32 -> MemorySegment.copy(piece, 0, target, JAVA_FLOAT, at + 4 * first, count);
          case BF16 -> {
            short[] narrowed = new short[count];
            for (int i = 0; i < count; i++) {
              narrowed[i] = Bf16.fromFloat(piece[i]);
            }
            MemorySegment.copy(narrowed, 0, target, JAVA_SHORT, at + 2 * first, count);
          }
        }
      }
    }
  }

  private static DType stored(Precision precision) {
    return switch (precision) {
      case F32 -> DType.F32;
      case BF16 -> DType.BF16;
    };
  }

  private static void read(Tensor tensor, long first, float[] piece, int count) {
    switch (tensor.dtype()) {
      case F32 ->
          MemorySegment.copy(tensor.data(), JAVA_FLOAT_UNALIGNED, 4 * first, piece, 0, count);
      case F16, BF16 -> {
        short[] halves = new short[count];
        MemorySegment.copy(tensor.data(), JAVA_SHORT_UNALIGNED, 2 * first, halves, 0, count);
        boolean bf16 = tensor.dtype() == DType.BF16;
        for (int i = 0; i < count; i++) {
          piece[i] = bf16 ? Bf16.toFloat(halves[i]) : Float.float16ToFloat(halves[i]);
        }
      }
      case I64 ->
          throw new IllegalArgumentException(
              tensor.name() + " holds I64 where weights are floating-point numbers");
    }
  }
}
