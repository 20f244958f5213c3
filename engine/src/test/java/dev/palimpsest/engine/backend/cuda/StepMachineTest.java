package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.device.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class StepMachineTest {
  private final List<AutoCloseable> resources = new ArrayList<>();
  private Stream stream;
  private DeviceMemory memory;
  private PinnedMemory host;
  private CudaWeight weight;
  private StepInput input;
  private StepMachine machine;

  @BeforeEach
  void open(@TempDir Path folder) {
    EmulatedDevice.require();
    Context context = held(Context.retain(Cuda.devices().getFirst()));
    stream = held(new Stream());
    Kernels kernels = held(Kernels.load(context.device(), Precision.F32, 16));
    AlgorithmStore store = new AlgorithmStore(folder.resolve("algorithms.txt"));
    Products products =
        held(
            new Products(
                kernels,
                stream,
                store,
                List.of(),
                Optional.empty(),
                new Products.Sample(1, 1),
                false));
    memory = held(DeviceMemory.allocate(1024));
    input = held(new StepInput(Runnable::run));
    host = held(PinnedMemory.allocate(1024));
    weight = new CudaWeight(0, Precision.F32, 1, 1, memory.address());
    machine =
        held(
            new StepMachine(
                context.device(), kernels, products, List.of(weight), input, stream, false));
  }

  private <T extends AutoCloseable> T held(T resource) {
    resources.add(resource);
    return resource;
  }

  @AfterEach
  void close() {
    Release.all(resources);
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  /** Zeros for ten places of the memory, when it has its last argument. */
  private Launch lacking() {
    return machine.launch(DeviceOp.RANDOM, 1, 1).address(memory.address()).value(10L).value(1L);
  }

  private static void assertLacking(ThrowingCallable next) {
    assertThatThrownBy(next)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("random takes 4 arguments, and its launch gives 3: the next is scale, a float");
  }

  @Test
  void nothingFollowsALaunchThatLacksAnArgument() {
    Launch _ = lacking();
    assertLacking(() -> machine.launch(DeviceOp.SWIGLU, 1, 1));
    assertLacking(
        () ->
            machine.product(
                weight,
                0,
                1,
                0,
                memory.address(),
                1,
                1,
                memory.address(),
                1,
                Precision.F32,
                false));
    assertLacking(machine::runOnce);
    assertLacking(() -> machine.run(memory, host, 0));
  }

  @Test
  void anotherStepIsRunWhenTheTapeWasCleared() {
    Launch _ = lacking();
    machine.clear();
    Launch _ = lacking().value(0f);
    machine.run(memory, host, 48);
    assertThat(host.segment().getAtIndex(JAVA_FLOAT, 9)).isZero();
    assertThat(host.segment().getAtIndex(JAVA_FLOAT, 10)).isNaN();
  }

  /** The first run is one by one, the second records a graph, and later ones launch it. */
  private int gathered(int row) {
    input.clear();
    long rows = input.put(new int[] {row}, 1, 0);
    Launch _ =
        machine
            .launch(DeviceOp.GATHER, 1, 1)
            .address(memory.address())
            .value(1)
            .input(rows)
            .address(memory.address() + 512)
            .value(1)
            .value(1);
    machine.run(memory, host, 1024);
    return host.segment().getAtIndex(JAVA_INT, 128);
  }

  /**
   * What follows the mark differs from run to run, and becomes no graph until it has come often.
   */
  @Test
  void theBodyOfAStepIsOneGraphWhateverItsTailIs() {
    for (int run = 0; run < 60; run++) {
      memory.fill(run, 0, 1, stream);
      copy(0, 256);
      machine.beginTail();
      int tail = run < 10 ? run : 10;
      copy(256, 512 + 4L * tail);
      machine.beginTail(); // means nothing: the tail has begun
      copy(256, 800);
      machine.run(memory, host, 1024);
      assertThat(host.segment().getAtIndex(JAVA_INT, 128 + tail)).isEqualTo(run);
      assertThat(host.segment().getAtIndex(JAVA_INT, 200)).isEqualTo(run);
    }
    assertThat(machine.graphSteps()).isEqualTo(59);
    assertThat(machine.captured()).isEqualTo(2);
  }

  /** One number from here to there. */
  private void copy(long from, long to) {
    input.clear();
    Launch _ =
        machine
            .launch(DeviceOp.GATHER, 1, 1)
            .address(memory.address() + from)
            .value(1)
            .input(input.put(new int[] {0}, 1, 0))
            .address(memory.address() + to)
            .value(1)
            .value(1);
  }

  /** The device's memory grows where it is, so nothing but the host's tells the steps apart. */
  @Test
  void aGraphReadsTheInputThatTheHostKeepsElsewhereSince() {
    memory.fill(1, 0, 1, stream);
    memory.fill(2, 4, 1, stream);
    for (int run = 0; run < 3; run++) {
      assertThat(gathered(run % 2)).isEqualTo(1 + run % 2);
    }
    long before = input.address();
    long _ = input.reserve(2 * StepInput.FIRST_BYTES);
    assertThat(input.address()).isEqualTo(before);
    for (int run = 0; run < 3; run++) {
      assertThat(gathered(run % 2)).isEqualTo(1 + run % 2);
    }
  }
}
