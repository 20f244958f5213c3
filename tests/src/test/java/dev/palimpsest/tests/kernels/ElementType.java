package dev.palimpsest.tests.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;

/** The type of a kernel's activations. */
enum ElementType {
  BF16(2, 0x1p-8),
  F32(4, 0x1p-18);

  final int bytes;

  /** What a value in a row-wise kernel may be off by, relative to the terms it is made of. */
  final double tolerance;

  ElementType(int bytes, double tolerance) {
    this.bytes = bytes;
    this.tolerance = tolerance;
  }

  /**
   * Both types with every seed from 0; with as many as {@code -Dpalimpsest.kernels.seeds} says
   * where that is fewer.
   */
  static Stream<Arguments> withSeeds(int seeds) {
    int count = Math.min(seeds, Integer.getInteger("palimpsest.kernels.seeds", seeds));
    return Stream.of(values())
        .flatMap(type -> LongStream.range(0, count).mapToObj(seed -> Arguments.of(type, seed)));
  }

  /** Elements in 16 bytes. */
  int pack() {
    return 16 / bytes;
  }

  /** The end of a kernel's name. */
  String suffix() {
    return "_" + name().toLowerCase(Locale.ROOT);
  }

  /** The nearest value of this type, ties to even. */
  float rounded(float value) {
    return switch (this) {
      case F32 -> value;
      case BF16 -> {
        int bits = Float.floatToRawIntBits(value);
        yield Float.isNaN(value)
            ? Float.NaN
            : Float.intBitsToFloat((bits + 0x7FFF + ((bits >>> 16) & 1)) & 0xFFFF0000);
      }
    };
  }

  void set(MemorySegment to, long index, float value) {
    if (this == BF16) {
      to.setAtIndex(JAVA_SHORT, index, (short) (Float.floatToRawIntBits(rounded(value)) >>> 16));
    } else {
      to.setAtIndex(JAVA_FLOAT, index, value);
    }
  }

  float get(MemorySegment from, long index) {
    return this == BF16
        ? Float.intBitsToFloat(from.getAtIndex(JAVA_SHORT, index) << 16)
        : from.getAtIndex(JAVA_FLOAT, index);
  }
}
