package dev.palimpsest.app.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The grades of confidence. */
final class ConfidenceTest {
  @ParameterizedTest
  @CsvSource({"1, SURE", "0.7, SURE", "0.69, LIKELY", "0.3, LIKELY", "0.29, UNSURE", "0, UNSURE"})
  void aGradeBeginsAtItsLeastConfidence(double confidence, Confidence grade) {
    assertThat(Confidence.of(confidence)).isEqualTo(grade);
  }
}
