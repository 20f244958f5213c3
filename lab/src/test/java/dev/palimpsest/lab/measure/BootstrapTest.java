package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.step.Philox;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Golden intervals are those of {@code tests/battery/statistics_reference.py}. */
final class BootstrapTest {
  private static final double[] VALUES = {0.3, 1.7, -0.4, 2.2, 0.9, 0.1, -1.3, 0.6, 1.1};

  @ParameterizedTest(name = "seed {0}")
  @CsvSource({
    "7, -0.0888888888888889, 1.2",
    "21474836487, -0.0777777777777778, 1.2222222222222222",
    "-1, -0.0888888888888889, 1.2111111111111111"
  })
  void aMeanHasThePercentilesOfItsResamples(long seed, double low, double high) {
    Bootstrap mean = Bootstrap.mean(VALUES, seed).orElseThrow();
    assertThat(mean.estimate().value()).isCloseTo(5.2 / 9, within(1e-12));
    assertThat(mean.estimate().n()).isEqualTo(9);
    assertThat(mean.undefined()).isZero();
    Estimate.Interval interval = mean.estimate().interval().orElseThrow();
    assertThat(interval.low()).isCloseTo(low, within(1e-12));
    assertThat(interval.high()).isCloseTo(high, within(1e-12));
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 7, 1L << 40, -5})
  void whatADrawTakesFollowsFromSeedResampleAndPlace(long seed) {
    int n = 11;
    List<int[]> resamples = new ArrayList<>();
    Bootstrap.interval(
        n,
        seed,
        items -> {
          resamples.add(items.clone());
          return OptionalDouble.of(0);
        });
    assertThat(resamples).hasSize(1 + Bootstrap.RESAMPLES);
    assertThat(resamples.getFirst()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    int[] words = new int[4];
    for (int r : new int[] {0, 1, 4_999, 9_999}) {
      for (int i = 0; i < n; i++) {
        Philox.block(i / 4, 0, r, 6, (int) seed, (int) (seed >>> 32), words);
        double place = (words[i % 4] & 0xFFFFFFFFL) * 0x1p-32;
        assertThat(resamples.get(1 + r)[i]).isEqualTo((int) (place * n));
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void aDifferenceIsTheMeanOfThePairsAndTurnsWithThem(long seed) {
    Random random = new Random(seed);
    double[] some = random.doubles(20).toArray();
    double[] other = random.doubles(20).toArray();
    Estimate there = Bootstrap.difference(some, other, seed).orElseThrow().estimate();
    Estimate back = Bootstrap.difference(other, some, seed).orElseThrow().estimate();
    assertThat(there.value())
        .isCloseTo(Arrays.stream(some).sum() / 20 - Arrays.stream(other).sum() / 20, within(1e-12));
    assertThat(back.value()).isEqualTo(-there.value());
    assertThat(back.interval().orElseThrow().low())
        .isEqualTo(-there.interval().orElseThrow().high());
    assertThat(back.interval().orElseThrow().high())
        .isEqualTo(-there.interval().orElseThrow().low());
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void theIntervalHoldsTheTrueMeanAboutAsOftenAsItSays(long seed) {
    Random random = new Random(seed);
    int held = 0;
    for (int trial = 0; trial < 100; trial++) {
      double[] values = random.doubles(40).map(each -> each < 0.3 ? 1 : 0).toArray();
      Estimate.Interval interval =
          Bootstrap.mean(values, trial).orElseThrow().estimate().interval().orElseThrow();
      held += interval.low() <= 0.3 && 0.3 <= interval.high() ? 1 : 0;
    }
    assertThat(held).isBetween(85, 99);
  }

  @Test
  void resamplesWithoutAValueAreLeftOutAndCounted() {
    int[] without = {0};
    Bootstrap first =
        Bootstrap.interval(
                3,
                7,
                items -> {
                  double count = Arrays.stream(items).filter(item -> item == 0).count();
                  without[0] += count == 0 ? 1 : 0;
                  return count == 0 ? OptionalDouble.empty() : OptionalDouble.of(count);
                })
            .orElseThrow();
    // Of 27 ways to draw three of three, 8 do without the first.
    assertThat(first.undefined()).isEqualTo(without[0]).isBetween(2_800, 3_130);
    assertThat(first.estimate()).isEqualTo(new Estimate(1, 3, interval(1, 3)));
  }

  @Test
  void itemsThatAreAllAlikeHaveNoInterval() {
    Bootstrap alike = Bootstrap.mean(new double[] {0.1, 0.1, 0.1}, 7).orElseThrow();
    assertThat(alike.estimate().value()).isCloseTo(0.1, within(1e-15));
    assertThat(alike.estimate().interval()).isEmpty();
  }

  @Test
  void aStatisticThatOnlyTheItemsThemselvesHaveHasNoInterval() {
    boolean[] asked = {false};
    Bootstrap once =
        Bootstrap.interval(
                2,
                7,
                items -> {
                  OptionalDouble value = asked[0] ? OptionalDouble.empty() : OptionalDouble.of(1);
                  asked[0] = true;
                  return value;
                })
            .orElseThrow();
    assertThat(once.undefined()).isEqualTo(Bootstrap.RESAMPLES);
    assertThat(once.estimate().interval()).isEmpty();
  }

  @Test
  void noItemsHaveNoMean() {
    assertThat(Bootstrap.mean(new double[0], 7)).isEmpty();
  }

  @Test
  void valuesOfDifferentItemsAreNoPairs() {
    assertThatThrownBy(() -> Bootstrap.difference(new double[3], new double[2], 7))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("3 values are beside 2: both must be of the same items");
  }

  private static Optional<Estimate.Interval> interval(double low, double high) {
    return Optional.of(new Estimate.Interval(low, high));
  }
}
