package dev.palimpsest.engine.backend.host;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The vector width of this CPU and the few vector functions with defined bits. */
final class Vectors {
  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  static final int LANES = FLOATS.length();
  static final long BYTES = FLOATS.vectorByteSize();

  private static final VectorShuffle<Float> HALF = rotation(2);
  private static final VectorShuffle<Float> QUARTER = rotation(4);
  private static final VectorShuffle<Float> EIGHTH = rotation(8);
  private static final VectorShuffle<Float> SIXTEENTH = rotation(16);

  private static final float LOG2_E = 1.442695f;
  private static final float LN2_HIGH = 0x1.63p-1f;
  private static final float LN2_LOW = -0.00021219444f;
  private static final float ROUND = 0x1.8p23f;
  private static final float LOWEST = -87.33f;
  private static final float HIGHEST = 88f;

  private Vectors() {}

  private static VectorShuffle<Float> rotation(int parts) {
    return VectorShuffle.iota(FLOATS, LANES / parts, 1, true);
  }

  static FloatVector load(MemorySegment memory, long offset) {
    return FloatVector.fromMemorySegment(FLOATS, memory, offset, ByteOrder.nativeOrder());
  }

  static void store(FloatVector vector, MemorySegment memory, long offset) {
    vector.intoMemorySegment(memory, offset, ByteOrder.nativeOrder());
  }

  /** The sum of the lanes, halves first: one order on every tier of the compiler. */
  static float sum(FloatVector v) {
    FloatVector s = v.add(v.rearrange(HALF));
    s = s.add(s.rearrange(QUARTER));
    if (LANES >= 8) {
      s = s.add(s.rearrange(EIGHTH));
    }
    if (LANES >= 16) {
      s = s.add(s.rearrange(SIXTEENTH));
    }
    return s.lane(0);
  }

  /**
   * e^x within two units in the last place; 0 below -87.33, e^88 above 88. Cody-Waite reduction by
   * powers of two and the polynomial of Cephes' {@code expf}.
   */
  static FloatVector exp(FloatVector x) {
    FloatVector clamped = x.max(LOWEST).min(HIGHEST);
    FloatVector shifted = clamped.fma(LOG2_E, ROUND);
    FloatVector n = shifted.sub(ROUND);
    FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -LN2_HIGH), clamped);
    r = n.fma(FloatVector.broadcast(FLOATS, -LN2_LOW), r);
    FloatVector p = r.fma(0.00019875691f, 0.0013981999f);
    p = p.fma(r, FloatVector.broadcast(FLOATS, 0.008333452f));
    p = p.fma(r, FloatVector.broadcast(FLOATS, 0.041665796f));
    p = p.fma(r, FloatVector.broadcast(FLOATS, 0.16666666f));
    p = p.fma(r, FloatVector.broadcast(FLOATS, 0.5f));
    p = p.fma(r.mul(r), r.add(1f));
    IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
    FloatVector result = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
    return result.blend(0f, x.compare(VectorOperators.LT, LOWEST));
  }
}
