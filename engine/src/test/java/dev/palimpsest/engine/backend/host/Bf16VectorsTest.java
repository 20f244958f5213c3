package dev.palimpsest.engine.backend.host;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.backend.Bf16;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigDecimal;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Bf16VectorsTest {
  private static final int ALL = 1 << 16;

  private static short[] narrow(float[] values) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment source = arena.allocateFrom(JAVA_FLOAT, values);
      MemorySegment target = arena.allocate(2L * values.length, 64);
      Bf16Vectors.narrow(source, 0, target, 0, values.length);
      return target.toArray(JAVA_SHORT);
    }
  }

  private static float[] widen(short[] values) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment source = arena.allocateFrom(JAVA_SHORT, values);
      MemorySegment target = arena.allocate(4L * values.length, 64);
      Bf16Vectors.widen(source, 0, target, 0, values.length);
      return target.toArray(JAVA_FLOAT);
    }
  }

  private static short[] every() {
    short[] all = new short[ALL];
    for (int i = 0; i < ALL; i++) {
      all[i] = (short) i;
    }
    return all;
  }

  /** The nearer of the two neighbours by exact arithmetic; the even one if they are as near. */
  private static short nearest(float value) {
    int lower = Float.floatToRawIntBits(value) >>> 16;
    if (Float.isInfinite(value)) {
      return (short) lower;
    }
    BigDecimal below = new BigDecimal(exact(lower));
    BigDecimal above = new BigDecimal(exact(lower + 1));
    BigDecimal x = new BigDecimal(value);
    int order = x.subtract(below).abs().compareTo(above.subtract(x).abs());
    return (short) (order < 0 || (order == 0 && lower % 2 == 0) ? lower : lower + 1);
  }

  /** What the bits say, were the exponent of infinity one more. */
  private static double exact(int bits) {
    float value = Float.intBitsToFloat(bits << 16);
    return Float.isInfinite(value) ? Math.copySign(0x1p128, value) : value;
  }

  @Test
  void everyValueIsWidenedToTheFloatOfItsUpperHalf() {
    float[] widened = widen(every());
    for (int i = 0; i < ALL; i++) {
      int bits = Float.floatToRawIntBits(widened[i]);
      if (bits != i << 16 || bits != Float.floatToRawIntBits(Bf16.toFloat((short) i))) {
        assertThat(bits).isEqualTo(i << 16);
      }
    }
  }

  @Test
  void everyValueSurvivesBothWays() {
    short[] back = narrow(widen(every()));
    for (int i = 0; i < ALL; i++) {
      boolean nan = Float.isNaN(Bf16.toFloat((short) i));
      short expected = (short) (nan ? i | 0x40 : i);
      if (back[i] != expected || Bf16.fromFloat(Bf16.toFloat((short) i)) != expected) {
        assertThat(back[i]).as("bf16 bits 0x%04x", i).isEqualTo(expected);
      }
    }
  }

  @Test
  void theMiddleBetweenNeighboursGoesToTheEvenOne() {
    for (int i = 0; i < ALL; i++) {
      int middle = (i << 16) | 0x8000;
      if (!Float.isNaN(Float.intBitsToFloat(middle))) {
        float[] around = {
          Float.intBitsToFloat(middle - 1),
          Float.intBitsToFloat(middle),
          Float.intBitsToFloat(middle + 1)
        };
        short[] expected = {(short) i, (short) (i + (i & 1)), (short) (i + 1)};
        for (int j = 0; j < 3; j++) {
          assertThat(Bf16.fromFloat(around[j])).isEqualTo(expected[j]);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2})
  void floatsAreRoundedToTheNearest(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[50_003];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.intBitsToFloat(random.nextInt());
    }
    short[] narrowed = narrow(values);
    for (int i = 0; i < values.length; i++) {
      assertThat(narrowed[i]).isEqualTo(Bf16.fromFloat(values[i]));
      if (Float.isNaN(values[i])) {
        assertThat(Bf16.toFloat(narrowed[i])).isNaN();
      } else {
        assertThat(narrowed[i]).as("%s", values[i]).isEqualTo(nearest(values[i]));
      }
    }
  }

  @Test
  void numbersTooLargeBecomeInfinite() {
    assertThat(Bf16.fromFloat(Float.MAX_VALUE)).isEqualTo((short) 0x7F80);
    assertThat(Bf16.fromFloat(-Float.MAX_VALUE)).isEqualTo((short) 0xFF80);
    assertThat(Bf16.fromFloat(Float.POSITIVE_INFINITY)).isEqualTo((short) 0x7F80);
  }

  @Test
  void onlyTheElementsAskedForAreWritten() {
    for (int count = 0; count <= 40; count++) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment floats = arena.allocate(256, 64).fill((byte) 0x11);
        MemorySegment halves = arena.allocate(256, 64).fill((byte) 0x22);
        Bf16Vectors.narrow(floats, 8, halves, 6, count);
        for (int i = 0; i < 128; i++) {
          boolean inside = i >= 3 && i < 3 + count;
          assertThat(halves.getAtIndex(JAVA_SHORT, i))
              .isEqualTo((short) (inside ? 0x1111 : 0x2222));
        }
        Bf16Vectors.widen(halves, 6, floats, 12, count);
        for (int i = 0; i < 64; i++) {
          boolean inside = i >= 3 && i < 3 + count;
          assertThat(Float.floatToRawIntBits(floats.getAtIndex(JAVA_FLOAT, i)))
              .isEqualTo(inside ? 0x11110000 : 0x11111111);
        }
      }
    }
  }
}
