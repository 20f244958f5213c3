package dev.palimpsest.engine.backend.host;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this CPU, and the functions whose bits do not depend on it: sums in {@value
 * Arithmetic#LANES} lanes, of which a vector holds all, a half or a quarter, and {@code e^x}.
 */
final class Vectors {
  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  static final int LANES = FLOATS.length();
  static final long BYTES = FLOATS.vectorByteSize();

  private static final VectorShuffle<Float> HALF = rotation(2);
  private static final VectorShuffle<Float> QUARTER = rotation(4);
  private static final VectorShuffle<Float> EIGHTH = rotation(8);
  private static final VectorShuffle<Float> SIXTEENTH = rotation(16);

  static {
    if (Arithmetic.LANES % LANES != 0 || LANES < 4) {
      throw new IllegalStateException(
          "vectors have " + LANES + " floats here where 4, 8 or 16 are supported");
    }
  }

  // Vectors, and few operations on them: what is not compiled yet builds every one of them lane by
  // lane.
  private static final FloatVector LOWEST = all(-87.33f);
  private static final FloatVector HIGHEST = all(88f);
  private static final FloatVector LOG2_E = all(1.442695f);
  private static final FloatVector ROUND = all(0x1.8p23f);
  private static final FloatVector MINUS_LN2_HIGH = all(-0x1.63p-1f);
  private static final FloatVector MINUS_LN2_LOW = all(0.00021219444f);
  private static final FloatVector P0 = all(0.00019875691f);
  private static final FloatVector P1 = all(0.0013981999f);
  private static final FloatVector P2 = all(0.008333452f);
  private static final FloatVector P3 = all(0.041665796f);
  private static final FloatVector P4 = all(0.16666666f);
  private static final FloatVector P5 = all(0.5f);
  private static final FloatVector TANH_SMALL = all(0.625f);
  private static final FloatVector T0 = all(-0.0057049887f);
  private static final FloatVector T1 = all(0.02063909f);
  private static final FloatVector T2 = all(-0.053739715f);
  private static final FloatVector T3 = all(0.13331442f);
  private static final FloatVector T4 = all(-0.3333328f);
  private static final FloatVector GELU_CUBE = all(0.044715f);
  private static final FloatVector GELU_SLOPE = all(0.7978846f); // sqrt(2 / pi)
  private static final FloatVector ONE = all(1f);
  private static final FloatVector ZERO = all(0f);
  private static final IntVector ONE_BITS = ONE.reinterpretAsInts();

  private Vectors() {}

  private static FloatVector all(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  private static VectorShuffle<Float> rotation(int parts) {
    return VectorShuffle.iota(FLOATS, LANES / parts, 1, true);
  }

  static FloatVector load(MemorySegment memory, long offset) {
    return FloatVector.fromMemorySegment(FLOATS, memory, offset, ByteOrder.nativeOrder());
  }

  static void store(FloatVector vector, MemorySegment memory, long offset) {
    vector.intoMemorySegment(memory, offset, ByteOrder.nativeOrder());
  }

  /** The vector at {@code offset} whose lanes from {@code count} on are 0; they are not read. */
  static FloatVector loadFirst(MemorySegment memory, long offset, int count) {
    return count >= LANES
        ? load(memory, offset)
        : FloatVector.fromMemorySegment(
            FLOATS, memory, offset, ByteOrder.nativeOrder(), FLOATS.indexInRange(0, count));
  }

  /** Stores the first {@code count} lanes, or all. */
  static void storeFirst(FloatVector vector, MemorySegment memory, long offset, int count) {
    if (count >= LANES) {
      store(vector, memory, offset);
    } else {
      vector.intoMemorySegment(
          memory, offset, ByteOrder.nativeOrder(), FLOATS.indexInRange(0, count));
    }
  }

  /**
   * The sum of the {@value Arithmetic#LANES} lanes, halves first: one order on every width, and on
   * every tier of the compiler. The lanes are in {@code a} and, where vectors are narrower, in
   * those after it, which are ignored elsewhere.
   */
  static float sum(FloatVector a, FloatVector b, FloatVector c, FloatVector d) {
    FloatVector s =
        switch (LANES) {
          case 16 -> a.add(a.rearrange(HALF));
          case 8 -> a.add(b);
          default -> a.add(c);
        };
    if (LANES == 16) {
      s = s.add(s.rearrange(QUARTER));
      s = s.add(s.rearrange(EIGHTH));
      s = s.add(s.rearrange(SIXTEENTH));
    } else if (LANES == 8) {
      s = s.add(s.rearrange(HALF));
      s = s.add(s.rearrange(QUARTER));
      s = s.add(s.rearrange(EIGHTH));
    } else {
      s = s.add(b.add(d));
      s = s.add(s.rearrange(HALF));
      s = s.add(s.rearrange(QUARTER));
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
    FloatVector r = n.fma(MINUS_LN2_HIGH, clamped);
    r = n.fma(MINUS_LN2_LOW, r);
    FloatVector p = r.fma(P0, P1).fma(r, P2).fma(r, P3).fma(r, P4).fma(r, P5);
    p = p.fma(r.mul(r), r.add(ONE));
    IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
    FloatVector power = exponent.add(ONE_BITS).reinterpretAsFloats();
    return p.mul(power).blend(ZERO, x.lt(LOWEST));
  }

  /** tanh within a few units in the last place: Cephes' {@code tanhf}, of this {@link #exp}. */
  static FloatVector tanh(FloatVector x) {
    FloatVector size = x.abs();
    FloatVector large = ONE.sub(all(2f).div(exp(size.add(size)).add(ONE)));
    large = large.blend(large.neg(), x.lt(ZERO));
    FloatVector square = x.mul(x);
    FloatVector p =
        square.fma(T0, T1).fma(square, T2).fma(square, T3).fma(square, T4).mul(square).fma(x, x);
    return large.blend(p, size.lt(TANH_SMALL));
  }

  /** {@code x / 2 · (1 + tanh(sqrt(2/pi) · (x + 0.044715 · x³)))}. */
  static FloatVector gelu(FloatVector x) {
    FloatVector inner = x.mul(x).mul(GELU_CUBE).fma(x, x).mul(GELU_SLOPE);
    return x.mul(0.5f).mul(tanh(inner).add(ONE));
  }
}
