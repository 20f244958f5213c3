package dev.palimpsest.sampler.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.sampler.statistics.Bootstrap.Interval;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Golden values are those of a program in Python that has its own Philox. */
final class BootstrapTest {
  private static final double[] FLIPS = {1, 0, 0, 2, 0, 1, 3, 0, 0, 1};
  private static final double[] TRIALS = {1, 1, 0, 3, 2, 2, 3, 0, 1, 4};

  @ParameterizedTest(name = "seed {0}")
  @CsvSource({
    "1, 0.2, 0.7368421052631579",
    "7, 0.2, 0.75",
    "12345678901, 0.21428571428571427, 0.75"
  })
  void aRatioHasTheIntervalOfAnIndependentProgram(long seed, double low, double high) {
    Interval interval = new Bootstrap(seed, 2000).ratio(FLIPS, TRIALS);
    assertThat(interval.estimate()).hasValue(8.0 / 17);
    assertThat(interval.low()).isEqualTo(low);
    assertThat(interval.high()).isEqualTo(high);
  }

  @Test
  void aDifferenceIsPairedByItem() {
    double[] others = {0, 0, 1, 0, 1, 0, 0, 0, 1, 0};
    double[] otherTrials = {1, 1, 1, 3, 2, 2, 3, 0, 1, 1};
    Bootstrap bootstrap = new Bootstrap(3, 2000);
    Interval interval = bootstrap.difference(FLIPS, TRIALS, others, otherTrials);
    assertThat(interval.estimate().orElseThrow()).isCloseTo(0.270588235294117, within(1e-14));
    assertThat(interval.low()).isEqualTo(-0.17582417582417587);
    assertThat(interval.high()).isEqualTo(0.6538461538461539);
    Interval same = bootstrap.difference(FLIPS, TRIALS, FLIPS, TRIALS);
    assertThat(same).isEqualTo(new Interval(same.estimate(), 0, 0));
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void aShareOfManyHasTheWidthOfTheNormalApproximation(long seed) {
    double[] hits = new double[400];
    double[] ones = new double[400];
    Arrays.fill(ones, 1);
    Arrays.fill(hits, 0, 100, 1);
    Interval interval = new Bootstrap(seed, 4000).ratio(hits, ones);
    double half = 1.959964 * Math.sqrt(0.25 * 0.75 / 400);
    assertThat(interval.low()).isCloseTo(0.25 - half, within(0.005));
    assertThat(interval.high()).isCloseTo(0.25 + half, within(0.005));
  }

  @Test
  void whatNeverCountedHasNoEstimateAndResamplesWithoutItAreLeftOut() {
    Bootstrap bootstrap = new Bootstrap(5, 200);
    assertThat(bootstrap.ratio(new double[4], new double[4]).estimate()).isEmpty();
    assertThat(bootstrap.ratio(new double[0], new double[0]).estimate()).isEmpty();
    Interval rare = bootstrap.ratio(new double[] {0, 0, 0, 1}, new double[] {0, 0, 0, 1});
    assertThat(rare.low()).isEqualTo(1);
    assertThat(rare.high()).isEqualTo(1);
    assertThatThrownBy(() -> new Bootstrap(1, 0)).hasMessageContaining("resamples is 0");
  }
}
