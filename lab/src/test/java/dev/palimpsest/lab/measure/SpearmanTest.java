package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SpearmanTest {
  @Test
  void equalValuesShareTheMeanOfTheirRanks() {
    // Ranks 1 2 3 4 5 and 1 2 3.5 5 3.5: 8 / √(10 · 9.5).
    double rho =
        Spearman.of(new double[] {1, 2, 3, 4, 5}, new double[] {5, 6, 7, 8, 7}).orElseThrow();
    assertThat(rho).isCloseTo(8 / Math.sqrt(95), within(1e-15));
  }

  @Test
  void valuesThatAreAllEqualHaveNone() {
    assertThat(Spearman.of(new double[] {1, 2, 3}, new double[] {4, 4, 4})).isEmpty();
    assertThat(Spearman.of(new double[] {0.0, -0.0}, new double[] {1, 2})).isEmpty();
    assertThat(Spearman.of(new double[0], new double[0])).isEmpty();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void onlyTheOrderCounts(long seed) {
    Random random = new Random(seed);
    double[] some = random.doubles(15).toArray();
    double[] other = random.doubles(15).toArray();
    double rho = Spearman.of(some, other).orElseThrow();
    double squares = 0;
    for (int item = 0; item < 15; item++) {
      double difference = rank(some, item) - rank(other, item);
      squares += difference * difference;
    }
    assertThat(rho).isCloseTo(1 - 6 * squares / (15 * (15 * 15 - 1)), within(1e-12));
    double[] grown = Arrays.stream(other).map(Math::exp).toArray();
    assertThat(Spearman.of(grown, some)).hasValue(rho);
    double[] turned = Arrays.stream(other).map(each -> -each).toArray();
    assertThat(Spearman.of(some, turned)).hasValue(-rho);
    Bootstrap bootstrap = Spearman.interval(some, other, seed).orElseThrow();
    assertThat(bootstrap.estimate().value()).isEqualTo(rho);
    Estimate.Interval interval = bootstrap.estimate().interval().orElseThrow();
    assertThat(rho).isBetween(interval.low(), interval.high());
  }

  @Test
  void resamplesOfEqualValuesAreLeftOut() {
    // Two of two items are drawn: half of the resamples have one item twice.
    Bootstrap two = Spearman.interval(new double[] {1, 2}, new double[] {3, 4}, 7).orElseThrow();
    assertThat(two.estimate().value()).isEqualTo(1);
    assertThat(two.estimate().interval()).isEmpty();
    assertThat(two.undefined()).isBetween(4_800, 5_200);
  }

  @Test
  void whatIsNoNumberHasNoRank() {
    assertThatThrownBy(() -> Spearman.of(new double[] {1, Double.NaN}, new double[] {1, 2}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("value 1 is NaN: a rank needs a number");
  }

  private static double rank(double[] values, int item) {
    return Arrays.stream(values).filter(each -> each < values[item]).count();
  }
}
