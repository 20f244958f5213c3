package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SamplingFilter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Memory that is gone is refused and not touched. */
class BackendMemoryTest {
  private static final String ALL = "dev.palimpsest.engine.backend.host.Setup#all";

  @TempDir Path folder;

  @ParameterizedTest
  @MethodSource(ALL)
  void aClosedBackendRefusesEveryOperation(Setup setup) {
    SplittableRandom random = new SplittableRandom(0);
    Step step = new Step(setup, 2);
    HostBackend backend = step.backend;
    Activation x = step.put(Step.random(random, 40, 32));
    Activation out = step.empty(40, 32);
    Activation half = step.empty(40, 16);
    Weight w = step.weight(Step.random(random, 32, 32));
    Weight gain = step.vector(Step.random(random, 1, 32)[0]);
    Weight table = step.table(Step.random(random, 40, 16));
    int[] rows = new int[40];
    int[] starts = {0, 40};
    int[] limits = Step.everyKey(starts, starts);
    List<RowDraw> draws = new ArrayList<>();
    for (int row = 0; row < 40; row++) {
      Draw filtered = new Draw(0.5, Optional.of(SamplingFilter.ALL), 0, 0, new int[0], new int[0]);
      draws.add(new RowDraw(row % 2 == 0 ? Draw.GREEDY : filtered, row));
    }
    List<ThrowingCallable> operations =
        List.of(
            () -> backend.embed(rows, w, out),
            () -> backend.rmsNorm(x, gain, 1e-5, out),
            () -> backend.linear(x, w, 0, out),
            () -> backend.addLinear(x, w, out),
            () -> backend.rotate(x, 16, rows, table),
            () -> backend.attention(x, x, x, 16, starts, starts, limits, Backend.ALL_KEYS, out),
            () -> backend.swiGlu(x, half),
            () -> backend.gather(x, rows, out),
            () -> backend.guide(x, 0, 1, 0.5),
            () -> backend.vocabulary(x, w, draws),
            () -> backend.read(x),
            () -> backend.begin(1L << 30),
            () -> backend.table(1, 1, new float[1]),
            () -> step.weight(new float[][] {{1}}));
    for (ThrowingCallable operation : operations.subList(0, 11)) {
      assertRuns(operation);
    }
    backend.close();
    for (int i = 0; i < operations.size(); i++) {
      assertThatThrownBy(operations.get(i))
          .as("operation %d", i)
          .isInstanceOf(IllegalStateException.class);
    }
  }

  private static void assertRuns(ThrowingCallable operation) {
    assertThatCode(operation).doesNotThrowAnyException();
  }

  @Test
  void scratchGrowsToTheLargestRequestAndFreesWhatItOutgrew() {
    Scratch scratch = new Scratch();
    MemorySegment small = scratch.atLeast(10);
    assertThat(scratch.atLeast(small.byteSize())).isSameAs(small);
    MemorySegment large = scratch.atLeast(1000);
    assertThat(large.byteSize()).isGreaterThanOrEqualTo(1000);
    assertThat(large.address() % 64).isZero();
    assertThat(small.scope().isAlive()).isFalse();
    assertThat(scratch.atLeast(10)).isSameAs(large);
    assertThat(scratch.memory()).isSameAs(large);
    scratch.close();
    assertThat(large.scope().isAlive()).isFalse();
  }

  @Test
  void anActivationOutsideTheStepsMemoryIsRefused() {
    try (HostBackend backend = new HostBackend(Precision.F32, 1)) {
      backend.begin(1024);
      Activation outside = new Activation(1 << 20, 4, 8, 8);
      assertThatThrownBy(() -> backend.read(outside)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  private static void assertClosed(HostBackend backend) {
    assertThatThrownBy(() -> backend.table(1, 1, new float[1]))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> backend.begin(1L << 30)).isInstanceOf(IllegalStateException.class);
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void aCheckpointThatDoesNotFitItsConfigClosesTheBackend(Setup setup) {
    TinyLlada.TIED.write(folder, 0);
    HostBackend backend = setup.backend(2);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(() -> Transformer.load(checkpoint, TinyLlada.ODD.spec(), backend, _ -> {}))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("do not fit config.json");
    }
    assertClosed(backend);
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void aFailureHalfwayThroughLoadingClosesTheBackend(Setup setup) {
    TinyLlada.TIED.write(folder, 0);
    HostBackend backend = setup.backend(2);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThatThrownBy(
              () ->
                  Transformer.load(
                      checkpoint,
                      TinyLlada.TIED.spec(),
                      backend,
                      share -> {
                        if (share > 0.5) {
                          throw new IllegalArgumentException("halfway");
                        }
                      }))
          .hasMessage("halfway");
    }
    assertClosed(backend);
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void aClosedTransformerRefusesToPredict(Setup setup) {
    TinyLlada.TIED.write(folder, 0);
    Transformer transformer = TinyLlada.load(folder, setup.backend(2));
    Query query =
        new Query(new int[] {1, 2, 3}, 0, new int[] {0}, 0, Draw.GREEDY, Optional.empty());
    assertThat(transformer.predict(List.of(query))).hasSize(1);
    transformer.close();
    assertThatThrownBy(() -> transformer.predict(List.of(query)))
        .isInstanceOf(IllegalStateException.class);
  }
}
