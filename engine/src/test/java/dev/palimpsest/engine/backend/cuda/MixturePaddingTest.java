package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Router;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The rows that a step is padded with. */
final class MixturePaddingTest {
  private static final int TOKENS = 3;
  private static final int HIDDEN = 32;
  private static final int WIDTH = 16;

  /** Two numbers of bf16, or one of f32. */
  private static final int SEVENS = 0x40E040E0;

  @TempDir private Path folder;
  private final List<AutoCloseable> resources = new ArrayList<>();

  private <T extends AutoCloseable> T held(T resource) {
    resources.add(resource);
    return resource;
  }

  @AfterEach
  void close() {
    Release.all(resources);
  }

  @ParameterizedTest
  @CsvSource({"F32, true", "F32, false", "BF16, true", "BF16, false"})
  void getNoExpert(Precision precision, boolean softmax) {
    EmulatedDevice.require();
    Router router = softmax ? new Router.Softmax(true) : new Router.GroupedSigmoid(2, 1, false, 1);
    Experts experts = new Experts(4, 2, WIDTH, router);
    Context context = held(Context.retain(Cuda.devices().getFirst()));
    Stream stream = held(new Stream());
    Kernels kernels = held(Kernels.load(context.device(), precision, 16));
    StepInput input = held(new StepInput(Runnable::run));
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
    StepMachine machine =
        held(new StepMachine(context.device(), kernels, products, List.of(), input, stream, false));
    DeviceMixture mixture = held(new DeviceMixture(input, machine, precision));
    long bytes = CudaWeight.elementBytes(precision);
    int rows = RowBuckets.padded(TOKENS);
    List<CudaWeight> matrices = new ArrayList<>();
    for (int count : new int[] {2 * 4, 4 * 2 * WIDTH, 4 * WIDTH, rows, 2 * rows}) {
      DeviceMemory memory = held(DeviceMemory.allocate(bytes * count * HIDDEN));
      kernels.random(memory.address(), memory.bytes(), stream);
      matrices.add(new CudaWeight(0, precision, count, HIDDEN, memory.address()));
    }
    CudaWeight down = matrices.get(2);
    DeviceMemory sum = held(DeviceMemory.allocate(bytes * rows * HIDDEN));
    PinnedMemory host = held(PinnedMemory.allocate(sum.bytes()));
    sum.fill(SEVENS, 0, sum.bytes() / Integer.BYTES, stream);
    DeviceMixture.Rows x = new DeviceMixture.Rows(matrices.get(3).address(), HIDDEN);
    mixture.put(
        x,
        x,
        TOKENS,
        new CudaWeight(0, Precision.F32, experts.count(), HIDDEN, matrices.get(0).address()),
        experts,
        new ExpertWeights(
            Optional.empty(),
            matrices.get(1),
            new CudaWeight(0, precision, 4 * HIDDEN, WIDTH, down.address())),
        matrices.get(4).address(),
        true,
        new DeviceMixture.Rows(sum.address(), HIDDEN));
    machine.run(sum, host, sum.bytes());
    long perRow = HIDDEN * bytes / Integer.BYTES;
    for (int row = 0; row < rows; row++) {
      int same = 0;
      for (long word = row * perRow; word < (row + 1) * perRow; word++) {
        same += host.segment().getAtIndex(JAVA_INT, word) == SEVENS ? 1 : 0;
      }
      assertThat(same == perRow).as("row %d is as it was", row).isEqualTo(row >= TOKENS);
    }
  }
}
