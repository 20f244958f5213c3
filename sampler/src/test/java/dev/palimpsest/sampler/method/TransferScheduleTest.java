package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TransferScheduleTest {
  private static LongStream seeds() {
    return LongStream.range(0, 200);
  }

  @Test
  void theFirstStepsTakeTheRemainder() {
    assertThat(counts(10, 4)).containsExactly(3, 3, 2, 2);
    assertThat(counts(3, 8)).containsExactly(1, 1, 1, 0, 0, 0, 0, 0);
    assertThat(counts(0, 2)).containsExactly(0, 0);
  }

  @Test
  void withoutMemoryEveryShareIsThatOfTheReference() {
    for (int masks = 0; masks <= 400; masks++) {
      for (int steps = 1; steps <= 400; steps++) {
        int left = masks;
        for (int step = 0; step < steps; step++) {
          int published = masks / steps + (step < masks % steps ? 1 : 0);
          int count = TransferSchedule.count(left, steps - step);
          if (count != published) {
            assertThat(count)
                .as("step %d of %d masks over %d steps", step, masks, steps)
                .isEqualTo(published);
          }
          left -= count;
        }
        assertThat(left).isZero();
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyMaskIsCommittedAndNoStepTakesMoreThanOneExtra(long seed) {
    Random random = new Random(seed);
    int masks = random.nextInt(5000);
    List<Integer> counts = counts(masks, 1 + random.nextInt(5000));
    assertThat(counts.stream().mapToInt(Integer::intValue).sum())
        .as("seed %d", seed)
        .isEqualTo(masks);
    assertThat(counts.getFirst() - counts.getLast()).as("seed %d", seed).isBetween(0, 1);
  }

  @Test
  void masksThatComeBackAreSpreadOverTheStepsThatAreLeft() {
    assertThat(counts(10, 4).subList(0, 2)).containsExactly(3, 3);
    assertThat(counts(4 + 3, 2)).containsExactly(4, 3);
  }

  @Test
  void boundsAreChecked() {
    assertThatThrownBy(() -> TransferSchedule.count(3, 0))
        .hasMessage("3 masks cannot be spread over 0 steps");
    assertThatThrownBy(() -> TransferSchedule.count(-1, 2))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static List<Integer> counts(int masks, int steps) {
    List<Integer> counts = new ArrayList<>();
    for (int step = 0; step < steps; step++) {
      counts.add(TransferSchedule.count(masks, steps - step));
      masks -= counts.getLast();
    }
    return counts;
  }
}
