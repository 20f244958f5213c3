package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.engine.backend.host.Vectors.INTS;
import static dev.palimpsest.engine.backend.host.Vectors.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.palimpsest.engine.backend.Bf16;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Many {@link Bf16} at once. */
final class Bf16Vectors {
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Vectors.FLOATS.vectorBitSize() / 2));

  private Bf16Vectors() {}

  /** One vector of bf16 at byte {@code at}, widened. */
  static FloatVector load(MemorySegment source, long at) {
    return ShortVector.fromMemorySegment(SHORTS, source, at, ByteOrder.nativeOrder())
        .convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0)
        .reinterpretAsInts()
        .lanewise(VectorOperators.LSHL, 16)
        .reinterpretAsFloats();
  }

  /** Widens {@code count} bf16 at byte {@code from} of {@code source} to f32 at {@code to}. */
  static void widen(MemorySegment source, long from, MemorySegment target, long to, long count) {
    long i = 0;
    for (; i + LANES <= count; i += LANES) {
      Vectors.store(load(source, from + 2 * i), target, to + 4 * i);
    }
    for (; i < count; i++) {
      target.set(
          JAVA_FLOAT, to + 4 * i, Bf16.toFloat(source.get(JAVA_SHORT_UNALIGNED, from + 2 * i)));
    }
  }

  /** Narrows {@code count} f32 at byte {@code from} of {@code source} to bf16 at {@code to}. */
  static void narrow(MemorySegment source, long from, MemorySegment target, long to, long count) {
    long i = 0;
    for (; i + LANES <= count; i += LANES) {
      IntVector bits =
          IntVector.fromMemorySegment(INTS, source, from + 4 * i, ByteOrder.nativeOrder());
      IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
      IntVector rounded = bits.add(0x7FFF).add(odd).lanewise(VectorOperators.LSHR, 16);
      IntVector quiet = bits.lanewise(VectorOperators.LSHR, 16).or(0x40);
      IntVector result =
          rounded.blend(quiet, bits.reinterpretAsFloats().test(VectorOperators.IS_NAN).cast(INTS));
      ((ShortVector) result.convertShape(VectorOperators.I2S, SHORTS, 0))
          .intoMemorySegment(target, to + 2 * i, ByteOrder.nativeOrder());
    }
    for (; i < count; i++) {
      target.set(JAVA_SHORT, to + 2 * i, Bf16.fromFloat(source.get(JAVA_FLOAT, from + 4 * i)));
    }
  }
}
