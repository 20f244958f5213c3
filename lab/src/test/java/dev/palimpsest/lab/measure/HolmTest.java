package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class HolmTest {
  @Test
  void theSmallestPIsTimesAllTestsAndTheNextTimesOneLess() {
    // 4 · 0.005, 3 · 0.01, 2 · 0.03, and 0.04, which must not be below the one before.
    assertThat(Holm.adjusted(new double[] {0.01, 0.04, 0.03, 0.005}))
        .containsExactly(new double[] {0.03, 0.06, 0.06, 0.02}, within(1e-15));
  }

  @Test
  void equalPsStayEqualAndNoneIsAboveOne() {
    assertThat(Holm.adjusted(new double[] {0.02, 0.5, 0.02, 0.9, 0.5}))
        .containsExactly(new double[] {0.1, 1, 0.1, 1, 1}, within(1e-15));
    assertThat(Holm.adjusted(new double[0])).isEmpty();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void atEveryLevelTheyRejectWhatTheProcedureRejects(long seed) {
    Random random = new Random(seed);
    double[] p = random.doubles(12).map(each -> Math.round(20 * each * each) / 100.0).toArray();
    double[] adjusted = Holm.adjusted(p);
    double[] ascending = p.clone();
    Arrays.sort(ascending);
    for (double level : new double[] {0.015, 0.055, 0.105, 0.255, 0.555, 0.755}) {
      int rejected = 0;
      while (rejected < p.length && ascending[rejected] <= level / (p.length - rejected)) {
        rejected++;
      }
      assertThat(Arrays.stream(adjusted).filter(each -> each <= level).count()).isEqualTo(rejected);
    }
    for (int test = 0; test < p.length; test++) {
      for (int other = 0; other < p.length; other++) {
        if (p[test] <= p[other]) {
          assertThat(adjusted[test]).isLessThanOrEqualTo(adjusted[other]);
        }
      }
    }
  }

  @Test
  void whatIsNoProbabilityIsRefused() {
    assertThatThrownBy(() -> Holm.adjusted(new double[] {0.5, Double.NaN}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a p-value is NaN: it must be from 0 to 1");
    assertThatThrownBy(() -> Holm.adjusted(new double[] {1.5}))
        .hasMessage("a p-value is 1.5: it must be from 0 to 1");
  }
}
