package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.Stream;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class ProgressTest {
  private static final double TENTH_OF_A_MILLISECOND = 0x1p35;

  private Context context;
  private Stream stream;
  private Progress progress;

  @BeforeEach
  void open() {
    EmulatedDevice.require();
    context = Context.retain(Cuda.devices().getFirst());
    stream = new Stream();
    progress = new Progress(stream);
  }

  @AfterEach
  void close() {
    Release.all(List.of(context, stream, progress));
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  /** The operations that are marked, from 1 on. */
  private int[] marked(boolean all, int operations, IntToDoubleFunction work) {
    progress.begin(all);
    return IntStream.rangeClosed(1, operations)
        .filter(i -> progress.count(work.applyAsDouble(i)))
        .toArray();
  }

  @Test
  void aRunOfSingleOperationsMarksEachOfThem() {
    assertThat(marked(true, 5, _ -> 0)).containsExactly(1, 2, 3, 4, 5);
  }

  @Test
  void aLightGraphMarksEveryEighthOperation() {
    assertThat(marked(false, 30, _ -> 1)).containsExactly(8, 16, 24);
  }

  @Test
  void aHeavyOperationPaysForTheMarksOfTheLightOnesBehindIt() {
    assertThat(marked(false, 6, i -> i == 2 ? 3.5 * TENTH_OF_A_MILLISECOND : 0))
        .containsExactly(2, 3, 4);
  }

  @Test
  void whatIsDoneIsReadOnTheHostOnceItHasHappened() {
    progress.reset();
    progress.begin(true);
    for (int i = 0; i < 7; i++) {
      assertThat(progress.count(0)).isTrue();
      progress.mark();
      assertThat(progress.done()).isZero();
    }
    stream.synchronize();
    assertThat(progress.done()).isEqualTo(7);
  }
}
