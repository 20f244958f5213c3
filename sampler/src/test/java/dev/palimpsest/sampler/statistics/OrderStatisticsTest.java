package dev.palimpsest.sampler.statistics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class OrderStatisticsTest {
  private static final int[] RIGHTWARDS = {0, 1, 2, 3, 4, 5, 6};
  private static final int[] LEFTWARDS = {6, 5, 4, 3, 2, 1, 0};

  @ParameterizedTest(name = "k {0}")
  @ValueSource(ints = {1, 2, 3, 6, 7, 20})
  void aTextWrittenFromLeftToRightHasExactlyOneInEveryMeasure(int k) {
    OrderStatistics order = OrderStatistics.of(RIGHTWARDS);
    assertThat(order.ntpSet(k).value()).isEqualTo(1);
    assertThat(order.fms(k).value()).isEqualTo(1);
    assertThat(order.ntpOrdered(k).map(OrderStatistics.Share::value).orElse(1.0)).isEqualTo(1);
    assertThat(order.adjacentConcordance().orElseThrow().value()).isEqualTo(1);
    assertThat(order.pairConcordance().orElseThrow().value()).isEqualTo(1);
    assertThat(order.pairConcordance().orElseThrow().ties()).isZero();
    assertThat(order.fms(k).ties()).isZero();
    assertThat(order.ntpSet(k).ties()).isZero();
  }

  @Test
  void aTextWrittenFromRightToLeftIsFirstOfTheMasksOnlyAtItsLastPosition() {
    OrderStatistics order = OrderStatistics.of(LEFTWARDS);
    assertThat(order.fms(1).value()).isEqualTo(1.0 / 7);
    assertThat(order.fms(3).value()).isEqualTo(3.0 / 7);
    assertThat(order.ntpSet(1).value()).isZero();
    assertThat(order.ntpOrdered(1).orElseThrow().value()).isEqualTo(0);
    assertThat(order.pairConcordance().orElseThrow().value()).isEqualTo(0);
  }

  @Test
  void aMixedOrderHasTheValuesComputedByHand() {
    // Written in the order 0, 2, 1, 3, 4 by the steps 0, 1, 1, 2, 3 of positions 0, 1, 2, 3, 4
    // would tie; here every position has its own step: 0 -> 0, 1 -> 2, 2 -> 1, 3 -> 3, 4 -> 4.
    OrderStatistics order = OrderStatistics.of(new int[] {0, 2, 1, 3, 4});
    assertThat(order.ntpSet(1).value()).isEqualTo(2.0 / 5); // 0 after the prompt, 4 after 3
    assertThat(order.ntpSet(2).value()).isEqualTo(2.0 / 5); // 0, and 3 after {2, 1}
    assertThat(order.ntpOrdered(1).orElseThrow().value()).isEqualTo(1.0 / 4);
    assertThat(order.fms(1).value()).isEqualTo(4.0 / 5);
    assertThat(order.fms(2).value()).isEqualTo(1);
    assertThat(order.adjacentConcordance().orElseThrow().value()).isEqualTo(3.0 / 4);
    assertThat(order.pairConcordance().orElseThrow().value()).isEqualTo(9.0 / 10);
  }

  @Test
  void positionsOfOneStepAreTakenFromLeftToRightAndCountedAsTies() {
    OrderStatistics order = OrderStatistics.of(new int[] {0, 0, 1, 1});
    assertThat(order.ntpSet(1).value()).isEqualTo(1);
    assertThat(order.fms(1).value()).isEqualTo(1);
    assertThat(order.ntpSet(1).ties()).isEqualTo(2.0 / 4); // 1 after 0, 3 after 2
    assertThat(order.ntpSet(2).ties()).isEqualTo(3.0 / 4); // and 2 after {1, 0}
    assertThat(order.ntpOrdered(1).orElseThrow().ties()).isEqualTo(2.0 / 3);
    assertThat(order.fms(1).ties()).isEqualTo(2.0 / 4);
    assertThat(order.adjacentConcordance().orElseThrow().ties()).isEqualTo(2.0 / 3);
    assertThat(order.pairConcordance().orElseThrow().ties()).isEqualTo(2.0 / 6);
    assertThat(order.pairConcordance().orElseThrow().value()).isEqualTo(4.0 / 6);
    assertThat(order.adjacentConcordance().orElseThrow().value()).isEqualTo(1.0 / 3);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void localMeasuresFallAndGlobalMeasuresRiseWithK(long seed) {
    int[] steps = shuffled(40, new Random(seed));
    OrderStatistics order = OrderStatistics.of(steps);
    for (int k = 1; k < 40; k++) {
      assertThat(order.fms(k + 1).value()).isGreaterThanOrEqualTo(order.fms(k).value());
    }
    assertThat(order.fms(40).value()).isEqualTo(1);
    assertThat(order.pairConcordance().orElseThrow().value()).isBetween(0.25, 0.75);
  }

  @Test
  void randomOrdersAreConcordantInHalfOfTheirPairs() {
    Random random = new Random(11);
    double mean =
        IntStream.range(0, 400)
            .mapToDouble(
                _ ->
                    OrderStatistics.of(shuffled(30, random))
                        .pairConcordance()
                        .orElseThrow()
                        .value())
            .average()
            .orElseThrow();
    assertThat(mean).isCloseTo(0.5, within(0.02));
  }

  @Test
  void aSinglePositionHasNoPairs() {
    OrderStatistics order = OrderStatistics.of(new int[] {3});
    assertThat(order.pairConcordance()).isEmpty();
    assertThat(order.adjacentConcordance()).isEmpty();
    assertThat(order.ntpOrdered(1)).isEmpty();
  }

  @Test
  void noPositionAndNoKAreRefused() {
    assertThatThrownBy(() -> OrderStatistics.of(new int[0])).hasMessageContaining("position");
    OrderStatistics order = OrderStatistics.of(RIGHTWARDS);
    assertThatThrownBy(() -> order.fms(0)).hasMessageContaining("k is 0");
  }

  private static int[] shuffled(int length, Random random) {
    int[] steps = IntStream.range(0, length).toArray();
    for (int at = length - 1; at > 0; at--) {
      int other = random.nextInt(at + 1);
      int swap = steps[at];
      steps[at] = steps[other];
      steps[other] = swap;
    }
    assertThat(Arrays.stream(steps).distinct().count()).isEqualTo(length);
    return steps;
  }
}
