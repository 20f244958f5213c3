package dev.palimpsest.lab.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class McNemarTest {
  @ParameterizedTest(name = "{0} against {1}")
  @CsvSource({
    "0, 0, 1",
    "1, 0, 1",
    "0, 5, 0.0625", // 2 / 32
    "1, 6, 0.125", // 2 (1 + 7) / 128
    "6, 1, 0.125",
    "4, 4, 1",
    "3, 4, 1"
  })
  void thePIsTwiceTheSmallerTailOfAFairCoin(int first, int second, double p) {
    assertThat(new McNemar(first, second).p()).isCloseTo(p, within(1e-14));
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void thePIsThatOfWholeNumbers(long seed) {
    Random random = new Random(seed);
    int first = random.nextInt(300);
    int second = random.nextInt(300);
    BigInteger ways = BigInteger.ZERO;
    BigInteger choices = BigInteger.ONE;
    for (int k = 0; k <= Math.min(first, second); k++) {
      ways = ways.add(choices);
      choices =
          choices
              .multiply(BigInteger.valueOf(first + second - k))
              .divide(BigInteger.valueOf(k + 1));
    }
    double p = Math.min(1, ways.shiftLeft(1).doubleValue() / Math.pow(2, first + second));
    assertThat(new McNemar(first, second).p()).isCloseTo(p, within(1e-12));
  }

  @Test
  void onlyItemsOnWhichTheTwoDifferCount() {
    boolean[] some = {true, true, true, false, false, true};
    boolean[] other = {true, false, false, true, false, false};
    assertThat(McNemar.of(some, other)).isEqualTo(new McNemar(3, 1));
  }
}
