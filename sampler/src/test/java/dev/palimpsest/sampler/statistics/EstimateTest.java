package dev.palimpsest.sampler.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

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
