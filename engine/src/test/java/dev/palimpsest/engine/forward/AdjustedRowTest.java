package dev.palimpsest.engine.forward;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.SamplingFilter;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Numbers are those of the logits processors of Transformers 5.18. */
final class AdjustedRowTest {
  private static final float[] LOGITS = {
    3.125f, -0.625f, -4.375f, 1.125f, -2.125f, -2.75f, 0.75f, 1.625f, -1.5f, -0.75f
  };
  private static final int[] TOKENS = {0, 3, 3, 5};
  private static final int[] NONE = {};

  private static Prediction predict(Draw draw, double penalty, double minP, int position) {
    Draw adjusted = draw.adjusted(new Draw.Adjustment(penalty, minP));
    return new AdjustedRow(LOGITS, TOKENS, new RowDraw(adjusted, position)).prediction();
  }

  private static Draw draw(double temperature, SamplingFilter filter, int... undrawn) {
    return new Draw(temperature, Optional.of(filter), 7, 3, undrawn, NONE);
  }

  @Test
  void penaltyTemperatureAndMinPAreThoseOfTransformers() {
    Prediction found = predict(draw(0.75, SamplingFilter.ALL).naming(10), 1.25, 0.125, 0);
    assertThat(found.argmax()).isZero();
    assertThat(found.top()).isCloseTo(0.762541971656, within(1e-11));
    assertThat(found.second()).isCloseTo(0.237458028344, within(1e-11));
    assertThat(found.logSumExp()).isCloseTo(3.604431060553931, within(1e-12));
    assertThat(found.alternatives()).extracting(each -> each.token()).containsExactly(0, 7);
    double entropy =
        -0.762541971656 * Math.log(0.762541971656) - 0.237458028344 * Math.log(0.237458028344);
    assertThat(found.entropy()).isCloseTo(entropy, within(1e-9));
  }

  @Test
  void aPenaltyBelowOneRaisesWhatWasSaid() {
    // 1.125 / 0.25 = 4.5 is above 3.125 once 0 is hidden; -2.75 · 0.25 is not.
    assertThat(predict(draw(0, SamplingFilter.ALL, 0), 0.25, 0, 0).token()).isEqualTo(3);
    assertThat(predict(draw(0, SamplingFilter.ALL, 0), 1, 0, 0).token()).isEqualTo(7);
  }

  @Test
  void topKAndTheNucleusAreCutToo() {
    assertThat(predict(draw(1, new SamplingFilter(2, 1)).naming(10), 1, 0, 0).alternatives())
        .extracting(each -> each.token())
        .containsExactly(0, 7);
    // e^3.125 has 0.66 of the sum, and with e^1.625 0.81.
    assertThat(predict(draw(1, new SamplingFilter(10, 0.7)).naming(10), 1, 0, 0).alternatives())
        .extracting(each -> each.token())
        .containsExactly(0, 7);
    assertThat(predict(draw(1, new SamplingFilter(10, 0.5)).naming(10), 1, 0, 0).alternatives())
        .extracting(each -> each.token())
        .containsExactly(0);
    // Of the two alone, e^3.125 has 0.82.
    assertThat(
            predict(
                    draw(1, new SamplingFilter(2, 0.7, SamplingFilter.Order.TOP_K_FIRST))
                        .naming(10),
                    1,
                    0,
                    0)
                .alternatives())
        .extracting(each -> each.token())
        .containsExactly(0);
  }

  @Test
  void tokensAreDrawnAsOftenAsTheyAreProbable() {
    int draws = 20_000;
    long second =
        IntStream.range(0, draws)
            .filter(
                position ->
                    predict(draw(0.75, SamplingFilter.ALL), 1.25, 0.125, position).token() == 7)
            .count();
    // Five standard deviations of a binomial.
    assertThat((double) second / draws).isCloseTo(0.237458, within(0.0151));
  }

  @Test
  void aRowFromWhichNothingMayBeDrawnIsAnError() {
    int[] every = IntStream.range(0, 10).toArray();
    assertThatThrownBy(() -> predict(draw(0, SamplingFilter.ALL, every), 1, 0, 0))
        .isInstanceOf(ArithmeticException.class);
  }
}
