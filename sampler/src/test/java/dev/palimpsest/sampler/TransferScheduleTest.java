package dev.palimpsest.sampler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
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
    // T1
    assertThat(counts(new TransferSchedule(10, 4))).containsExactly(3, 3, 2, 2);
    assertThat(counts(new TransferSchedule(3, 8))).containsExactly(1, 1, 1, 0, 0, 0, 0, 0);
    assertThat(counts(new TransferSchedule(0, 2))).containsExactly(0, 0);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyMaskIsCommittedAndNoStepTakesMoreThanOneExtra(long seed) {
    Random random = new Random(seed);
    int masks = random.nextInt(5000);
    TransferSchedule schedule = new TransferSchedule(masks, 1 + random.nextInt(5000));
    List<Integer> counts = counts(schedule);
    assertThat(counts.stream().mapToInt(Integer::intValue).sum())
        .as("seed %d", seed)
        .isEqualTo(masks);
    assertThat(counts.getFirst() - counts.getLast()).as("seed %d", seed).isBetween(0, 1);
  }

  @Test
  void boundsAreChecked() {
    assertThatThrownBy(() -> new TransferSchedule(3, 0))
        .hasMessage("3 masks cannot be spread over 0 steps");
    assertThatThrownBy(() -> new TransferSchedule(-1, 2))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static List<Integer> counts(TransferSchedule schedule) {
    return IntStream.range(0, schedule.steps()).map(schedule::count).boxed().toList();
  }
}
