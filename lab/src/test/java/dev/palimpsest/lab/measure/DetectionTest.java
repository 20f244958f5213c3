package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

final class DetectionTest {
  private static final boolean[] POSITIVE = {true, true, true, true, false, false, false};
  private static final boolean[] FLAGGED = {true, true, true, false, false, true, false};

  @Test
  void eachShareIsOverItsOwnClass() {
    Detection detection = Detection.of(FLAGGED, POSITIVE);
    assertThat(detection.tpr()).contains(Estimate.share(3, 4));
    assertThat(detection.tnr()).contains(Estimate.share(2, 3));
    assertThat(detection.gMeanSquared().orElseThrow()).isCloseTo(0.5, within(1e-15));
  }

  @Test
  void aClassWithoutItemsHasNoShare() {
    Detection detection = Detection.of(new boolean[] {true}, new boolean[] {true});
    assertThat(detection.tpr()).contains(Estimate.share(1, 1));
    assertThat(detection.tnr()).isEmpty();
    assertThat(detection.gMeanSquared()).isEmpty();
    assertThat(Detection.gMeanSquared(new boolean[] {true}, new boolean[] {true}, 7)).isEmpty();
  }

  @Test
  void theProductHasABootstrapInterval() {
    Bootstrap product = Detection.gMeanSquared(FLAGGED, POSITIVE, 7).orElseThrow();
    assertThat(product.estimate().value()).isCloseTo(0.5, within(1e-15));
    assertThat(product.estimate().n()).isEqualTo(7);
    assertThat(product.estimate().interval()).contains(new Estimate.Interval(0, 1));
    // All seven of one class: (4/7)⁷ + (3/7)⁷, about 0.0225.
    assertThat(product.undefined()).isBetween(180, 270);
  }
}
