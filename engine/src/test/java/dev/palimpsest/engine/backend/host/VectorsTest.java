package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("arithmetic")
class VectorsTest {
  private static final int POINTS = 1 << 20;
  private static final float LOWEST = -87.33f;

  private static float[] exp(float... values) {
    float[] padded = Arrays.copyOf(values, Math.ceilDiv(values.length, Vectors.LANES) * 64);
    MemorySegment memory = MemorySegment.ofArray(padded);
    for (int i = 0; i < values.length; i += Vectors.LANES) {
      Vectors.store(Vectors.exp(Vectors.load(memory, 4L * i)), memory, 4L * i);
    }
    return Arrays.copyOf(padded, values.length);
  }

  private static float[] sweep(float low, float high) {
    float[] values = new float[POINTS];
    for (int i = 0; i < POINTS; i++) {
      values[i] = (float) (low + (double) (high - low) * i / (POINTS - 1));
    }
    return values;
  }

  private static double worstUlps(float[] values) {
    float[] found = exp(values);
    double worst = 0;
    for (int i = 0; i < values.length; i++) {
      double expected = StrictMath.exp(values[i]);
      worst = Math.max(worst, Math.abs(found[i] - expected) / Math.ulp((float) expected));
    }
    return worst;
  }

  @Test
  void expIsWithinTwoUnitsInTheLastPlace() {
    assertThat(worstUlps(sweep(LOWEST, 88))).isLessThan(2);
    assertThat(worstUlps(sweep(-1, 1))).isLessThan(2);
    assertThat(worstUlps(sweep(-1e-3f, 1e-3f))).isLessThan(2);
  }

  @Test
  void expOfZeroIsOne() {
    assertThat(exp(0f, -0f, Float.MIN_VALUE, -Float.MIN_VALUE)).containsOnly(1f);
  }

  @Test
  void expIsZeroBelowTheCutoff() {
    assertThat(exp(Math.nextDown(LOWEST), -100f, -1e30f, Float.NEGATIVE_INFINITY)).containsOnly(0f);
    assertThat(exp(LOWEST)[0]).isPositive();
  }

  @Test
  void expStaysAtItsHighestAbove88() {
    assertThat(exp(Math.nextUp(88f), 1e30f, Float.POSITIVE_INFINITY)).containsOnly(exp(88f)[0]);
    assertThat(exp(88f)[0]).isFinite();
  }

  @Test
  void expHardlyEverDescends() {
    float[] found = exp(sweep(LOWEST, 88));
    for (int i = 1; i < POINTS; i++) {
      assertThat(found[i] - found[i - 1]).isGreaterThanOrEqualTo(-2 * Math.ulp(found[i]));
    }
  }

  @Test
  void expDoesNotDependOnTheLane() {
    float[] all = exp(sweep(-10, 10));
    float[] values = sweep(-10, 10);
    for (int i = 0; i < 1000; i++) {
      assertThat(exp(values[i])[0]).isEqualTo(all[i]);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2})
  void theSumOfTheLanesAddsHalvesFirst(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 20_000; round++) {
      float[] lanes = new float[Arithmetic.LANES];
      for (int i = 0; i < lanes.length; i++) {
        lanes[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(-6, 7)));
      }
      FloatVector[] parts = new FloatVector[4];
      Arrays.setAll(
          parts,
          i -> FloatVector.fromArray(Vectors.FLOATS, lanes, i * Vectors.LANES % Arithmetic.LANES));
      float found = Vectors.sum(parts[0], parts[1], parts[2], parts[3]);
      for (int half = lanes.length / 2; half >= 1; half /= 2) {
        for (int i = 0; i < half; i++) {
          lanes[i] += lanes[i + half];
        }
      }
      assertThat(found).isEqualTo(lanes[0]);
    }
  }
}
