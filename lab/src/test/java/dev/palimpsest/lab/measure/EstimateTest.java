package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Golden values are those of the formulas in Python and of a table of Student's t. */
final class EstimateTest {
  @ParameterizedTest(name = "{0} of {1}")
  @CsvSource({
    "0, 5, 0, 0.43448246478317476",
    "3, 4, 0.30064184258240184, 0.9544127391902995",
    "15, 20, 0.531299122381256, 0.8881382985923343"
  })
  void aShareHasWilsonsInterval(int hits, int n, double low, double high) {
    Estimate share = Estimate.share(hits, n);
    assertThat(share.value()).isEqualTo((double) hits / n);
    assertThat(share.interval().orElseThrow().low()).isCloseTo(low, within(1e-9));
    assertThat(share.interval().orElseThrow().high()).isCloseTo(high, within(1e-9));
  }

  @ParameterizedTest(name = "{0} of {1}")
  @CsvSource({"0, 5", "1, 5", "3, 4", "15, 20", "20, 20"})
  void aShareWithOneTrialAnItemIsAPlainOne(int hits, int n) {
    int[] counts = new int[n + 1];
    int[] trials = new int[n + 1];
    Arrays.fill(counts, 0, hits, 1);
    Arrays.fill(trials, 0, n, 1);
    Estimate share = Estimate.share(counts, trials).orElseThrow();
    Estimate plain = Estimate.share(hits, n);
    assertThat(share.value()).isEqualTo(plain.value());
    assertThat(share.n()).isEqualTo(n);
    assertThat(share.interval().orElseThrow().low())
        .isCloseTo(plain.interval().orElseThrow().low(), within(1e-9));
    assertThat(share.interval().orElseThrow().high())
        .isCloseTo(plain.interval().orElseThrow().high(), within(1e-9));
  }

  @Test
  void trialsOfOneItemThatGoTogetherCountAsOne() {
    Estimate together =
        Estimate.share(new int[] {7, 0, 7, 0}, new int[] {7, 7, 7, 7}).orElseThrow();
    Estimate items = Estimate.share(2, 4);
    assertThat(together.n()).isEqualTo(28);
    assertThat(together.interval().orElseThrow().low())
        .isCloseTo(items.interval().orElseThrow().low(), within(1e-9));
    Estimate none = Estimate.share(new int[] {0, 0, 0}, new int[] {9, 9, 0}).orElseThrow();
    assertThat(none.interval().orElseThrow().high())
        .isCloseTo(Estimate.share(0, 2).interval().orElseThrow().high(), within(1e-9));
    assertThat(Estimate.share(new int[2], new int[2])).isEmpty();
  }

  @Test
  void aDifferenceHasNewcombesInterval() {
    // The example of Newcombe's table II: 56 of 70 less 48 of 80, method 10.
    Estimate.Interval interval =
        Estimate.difference(Estimate.share(56, 70), Estimate.share(48, 80));
    assertThat(interval.low()).isCloseTo(0.0524, within(5e-5));
    assertThat(interval.high()).isCloseTo(0.3339, within(5e-5));
    assertThat(Estimate.difference(Estimate.share(0, 5), Estimate.share(0, 5)).high())
        .isGreaterThan(0.4);
  }

  @Test
  void aMeanHasStudentsIntervalCutToWhatItCanBe() {
    // Mean 3, deviation 1, t(2) = 4.302653: 3 ± 4.302653 / √3.
    Estimate mean = Estimate.mean(new double[] {2, 3, 4}, 10);
    assertThat(mean.value()).isEqualTo(3);
    assertThat(mean.n()).isEqualTo(3);
    assertThat(mean.interval().orElseThrow().low()).isCloseTo(0.515863, within(1e-5));
    assertThat(mean.interval().orElseThrow().high()).isCloseTo(5.484137, within(1e-5));
    Estimate cut = Estimate.mean(new double[] {0, 1}, 1);
    assertThat(cut.interval()).contains(new Estimate.Interval(0, 1));
    assertThat(Estimate.mean(new double[] {0.5}, 1).interval()).isEmpty();
  }
}
