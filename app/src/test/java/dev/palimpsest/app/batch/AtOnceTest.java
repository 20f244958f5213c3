package dev.palimpsest.app.batch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The number of rows at once. */
final class AtOnceTest {
  private static final int ROW_TOKENS = 20;

  private long nanos;
  private final List<Integer> tried = new ArrayList<>();
  private final List<Integer> said = new ArrayList<>();

  /**
   * Takes rows of 20 steps with a token each, until the number has been found.
   *
   * @param stepNanos of so many rows at once
   */
  private int climb(IntToDoubleFunction stepNanos) {
    AtOnce atOnce = new AtOnce(OptionalInt.empty(), () -> nanos, (number, _) -> said.add(number));
    List<Integer> left = new ArrayList<>();
    int most = 0;
    while (said.isEmpty()) {
      most = atOnce.getAsInt();
      if (tried.isEmpty() || tried.getLast() != most) {
        tried.add(most);
      }
      while (left.size() < most) {
        left.add(1 + left.size() % ROW_TOKENS);
        atOnce.began();
      }
      nanos += (long) stepNanos.applyAsDouble(left.size());
      atOnce.filled(left.size());
      left.replaceAll(each -> each - 1);
      int before = left.size();
      left.removeIf(each -> each == 0);
      for (int ended = left.size(); ended < before; ended++) {
        atOnce.ended();
      }
    }
    assertThat(atOnce.live()).isEqualTo(left.size());
    return atOnce.getAsInt();
  }

  @ParameterizedTest(name = "a step that is bound by arithmetic beyond {0} rows")
  @CsvSource({"8, 8", "12, 16", "16, 16", "24, 32", "32, 32", "64, 64", "96, 128"})
  void climbsToTheKneeAndSaysSo(int knee, int found) {
    assertThat(climb(rows -> 1e7 * Math.max(rows, knee))).isEqualTo(found);
    assertThat(said).containsExactly(found);
    assertThat(tried.subList(0, 2)).containsExactly(8, 16);
  }

  @Test
  void findsTheBestBetweenTwoPowersOfTwo() {
    assertThat(climb(rows -> 1e7 * Math.max(rows, 24) * (1 + Math.max(0, rows - 24) / 8.0)))
        .isEqualTo(24);
    assertThat(tried).containsExactly(8, 16, 32, 24);
  }

  @Test
  void goesNoFurtherThanAThousandRows() {
    assertThat(climb(_ -> 1e6)).isEqualTo(1024);
  }

  @Test
  void aNumberThatIsGivenStays() {
    AtOnce atOnce = new AtOnce(OptionalInt.of(3), () -> nanos, (number, _) -> said.add(number));
    for (int step = 0; step < 100; step++) {
      nanos += 1_000_000_000;
      atOnce.began();
      atOnce.filled(100 * step);
      atOnce.ended();
      assertThat(atOnce.getAsInt()).isEqualTo(3);
    }
    assertThat(said).isEmpty();
  }
}
