package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AurocTest {
  @Test
  void itIsTheShareOfPairsInTheRightOrder() {
    // Of 0.35 and 0.8 against 0.1 and 0.4, only 0.35 is not above 0.4.
    assertThat(area(new double[] {0.1, 0.4, 0.35, 0.8}, false, false, true, true)).isEqualTo(0.75);
  }

  @Test
  void equalScoresCountHalf() {
    assertThat(area(new double[] {1, 1, 1}, true, false, false)).isEqualTo(0.5);
    // 2 is above 1 and equal to 2: one and a half of two.
    assertThat(area(new double[] {1, 2, 2}, false, false, true)).isEqualTo(0.75);
  }

  @Test
  void withoutBothKindsThereIsNone() {
    assertThat(Auroc.of(new double[] {1, 2}, new boolean[] {true, true})).isEmpty();
    assertThat(Auroc.of(new double[] {1, 2}, new boolean[] {false, false})).isEmpty();
    assertThat(Auroc.interval(new double[0], new boolean[0], 7)).isEmpty();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void itCountsPairs(long seed) {
    Random random = new Random(seed);
    double[] scores = random.ints(30, 0, 8).asDoubleStream().toArray();
    boolean[] positive = new boolean[30];
    for (int item = 0; item < 30; item++) {
      positive[item] = random.nextInt(12) < 2 + scores[item];
    }
    double above = 0;
    int pairs = 0;
    for (int yes = 0; yes < 30; yes++) {
      for (int no = 0; no < 30; no++) {
        if (positive[yes] && !positive[no]) {
          pairs++;
          above += scores[yes] > scores[no] ? 1 : scores[yes] == scores[no] ? 0.5 : 0;
        }
      }
    }
    Bootstrap area = Auroc.interval(scores, positive, seed).orElseThrow();
    assertThat(area.estimate().value()).isCloseTo(above / pairs, within(1e-12));
    Estimate.Interval interval = area.estimate().interval().orElseThrow();
    assertThat(above / pairs).isBetween(interval.low(), interval.high());
  }

  private static double area(double[] scores, boolean... positive) {
    return Auroc.of(scores, positive).orElseThrow();
  }
}
