package dev.palimpsest.engine.backend.host;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("arithmetic")
class RowFoldTest {
  private static final int[] NONE = {};
  private static final RowDraw GREEDY = new RowDraw(Draw.GREEDY, 0);

  static LongStream seeds() {
    return LongStream.range(0, 50);
  }

  private static void add(RowFold fold, float[] logits, int from, int to, RowDraw how) {
    try (Arena arena = Arena.ofConfined()) {
      int count = to - from;
      MemorySegment memory = arena.allocate(4L * (count + 2 * Arithmetic.LANES), 64);
      for (int i = 0; i < memory.byteSize() / 4; i++) {
        memory.setAtIndex(JAVA_FLOAT, i, Float.NaN);
      }
      MemorySegment.copy(logits, from, memory, JAVA_FLOAT, 4L * Arithmetic.LANES, count);
      fold.add(memory, 4L * Arithmetic.LANES, from, count, how);
    }
  }

  private static RowFold fold(float[] logits, int from, int to, RowDraw how) {
    RowFold fold = new RowFold();
    fold.reset();
    add(fold, logits, from, to, how);
    return fold;
  }

  private static double[] doubles(float[] logits) {
    double[] result = new double[logits.length];
    Arrays.setAll(result, i -> logits[i]);
    return result;
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void anyCutIntoChunksAndFoldsGivesThePrediction(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int ids = random.nextInt(1, 700);
    float spread = new float[] {0.01f, 1, 10, 60}[random.nextInt(4)];
    float[] logits = Step.random(random, 1, ids)[0];
    for (int i = 0; i < ids; i++) {
      logits[i] *= spread;
      if (ids > 1 && i > 0 && random.nextInt(20) == 0) {
        logits[i] = Float.NEGATIVE_INFINITY;
      }
    }
    double temperature = random.nextBoolean() ? 0 : random.nextDouble(0.1, 2);
    RowDraw how = new RowDraw(new Draw(temperature, Optional.empty(), seed, 5, NONE, NONE), 17);
    RowFold whole = new RowFold();
    whole.reset();
    RowFold last = whole;
    for (int from = 0; from < ids; ) {
      int to = Math.min(ids, from + 4 * random.nextInt(1, 50));
      if (random.nextBoolean()) {
        add(last, logits, from, to, how);
      } else {
        if (last != whole) {
          whole.merge(last);
        }
        last = fold(logits, from, to, how);
      }
      from = to;
    }
    if (last != whole) {
      whole.merge(last);
    }
    Reference.assertClose(
        whole.prediction(how.draw()), Reference.prediction(doubles(logits), how), 1e-6);
  }

  @Test
  void aFoldIsUsedAgainAfterAReset() {
    float[] high = {100, 1, 2, 3};
    float[] low = {-5, -4, -6, -7, -4};
    RowFold fold = fold(high, 0, 4, GREEDY);
    fold.reset();
    add(fold, low, 0, 5, GREEDY);
    assertThat(fold.prediction(Draw.GREEDY))
        .isEqualTo(fold(low, 0, 5, GREEDY).prediction(Draw.GREEDY));
    assertThat(fold.prediction(Draw.GREEDY).argmax()).isEqualTo(1);
  }

  @Test
  void logitsOfMinusInfinityTakeNoPart() {
    float none = Float.NEGATIVE_INFINITY;
    float[] logits = {none, none, none, none, none, none, none, none, 2, none, 2, none};
    Prediction found = fold(logits, 0, 12, GREEDY).prediction(Draw.GREEDY);
    assertThat(found.argmax()).isEqualTo(8);
    assertThat(found.top()).isCloseTo(0.5, within(1e-9));
    assertThat(found.second()).isCloseTo(0.5, within(1e-9));
    assertThat(found.entropy()).isCloseTo(Math.log(2), within(1e-6));
    RowFold merged = fold(logits, 0, 8, GREEDY);
    merged.merge(fold(logits, 8, 12, GREEDY));
    assertThat(merged.prediction(Draw.GREEDY)).isEqualTo(found);
  }

  @Test
  void aRowWithNothingToDrawIsRefused() {
    float[] logits = {1, 2};
    RowDraw how = new RowDraw(new Draw(0, Optional.empty(), 0, 0, new int[] {0, 1}, NONE), 0);
    assertThatThrownBy(() -> fold(logits, 0, 2, how).prediction(how.draw()))
        .isInstanceOf(ArithmeticException.class);
  }

  @Test
  void aNanIsNotLostBehindLaterChunks() {
    float[] logits = new float[64];
    for (int bad = 0; bad < 64; bad++) {
      Arrays.fill(logits, 1);
      logits[bad] = Float.intBitsToFloat(0xFFFFFFFF);
      RowFold fold = fold(logits, 0, 32, GREEDY);
      fold.merge(fold(logits, 32, 64, GREEDY));
      assertThatThrownBy(() -> fold.prediction(Draw.GREEDY))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageContaining("NaN");
    }
  }
}
