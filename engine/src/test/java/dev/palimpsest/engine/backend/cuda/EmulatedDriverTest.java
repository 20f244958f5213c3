package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.CudaException;
import dev.palimpsest.bindings.cuda.DeviceMemory;
import dev.palimpsest.bindings.cuda.Graph;
import dev.palimpsest.bindings.cuda.Kernel;
import dev.palimpsest.bindings.cuda.KernelArguments;
import dev.palimpsest.bindings.cuda.KernelModule;
import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;
import java.nio.file.Files;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The emulated driver is as unkind as any real one. */
final class EmulatedDriverTest {
  private static final int PARAMETERS = 17;

  private Context context;
  private Stream stream;
  private KernelModule module;

  @BeforeEach
  void open() {
    EmulatedDevice.require();
    context = Context.retain(Cuda.devices().getFirst());
    stream = new Stream();
    module = new KernelModule(new byte[] {0});
  }

  @AfterEach
  void close() {
    module.close();
    stream.close();
    context.close();
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  private void launch(Kernel kernel, int threads, int sharedBytes) {
    KernelArguments arguments = new KernelArguments();
    for (int i = 0; i < PARAMETERS; i++) {
      arguments.add(0L);
    }
    kernel.launch(stream, 1, 1, 1, threads, sharedBytes, arguments);
  }

  @Test
  void theLowestAddressThatIsFreeIsHandedOut() {
    DeviceMemory first = DeviceMemory.allocate(1000);
    DeviceMemory second = DeviceMemory.allocate(1000);
    long hole = first.address();
    first.close();
    try (second;
        DeviceMemory large = DeviceMemory.allocate(2000);
        DeviceMemory small = DeviceMemory.allocate(500)) {
      assertThat(large.address()).isGreaterThan(second.address());
      assertThat(small.address()).isEqualTo(hole);
    }
  }

  @Test
  void aCopyThatWasRecordedBeforeTheHostsMemoryWasFreedFails() {
    try (DeviceMemory memory = DeviceMemory.allocate(4)) {
      PinnedMemory host = PinnedMemory.allocate(4);
      host.segment().set(JAVA_INT, 0, 1);
      try (Graph graph =
          Graph.capture(stream, () -> memory.copyFrom(host, 0, 0, Integer.BYTES, stream))) {
        host.close();
        graph.launch(stream);
        assertThatThrownBy(stream::synchronize)
            .isInstanceOf(CudaException.class)
            .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS");
      }
      Release.one(memory);
    } finally {
      Release.one(module);
      Release.one(stream);
    }
  }

  @Test
  void anIdleDeviceHandsOutMemoryThatTakesNoRoomAndDoesNothing() {
    long large = 200L << 30;
    EmulatedDevice.setMemory(large);
    EmulatedDevice.setIdle(true);
    try (DeviceMemory memory = DeviceMemory.allocate(large);
        PinnedMemory host = PinnedMemory.allocate(4)) {
      memory.fill(7, 0, 1, stream);
      memory.copyTo(host, 0, 0, Integer.BYTES, stream);
      stream.synchronize();
      assertThat(host.segment().get(JAVA_INT, 0)).isZero();
    } finally {
      EmulatedDevice.setIdle(false);
      EmulatedDevice.setMemory(0);
    }
  }

  @Test
  void moreSharedMemoryThanTheKernelWasAllowedIsRefused() {
    Kernel kernel = module.kernel("attention_f32_h128");
    assertThatThrownBy(() -> launch(kernel, 128, 74_240))
        .hasMessageStartingWith(
            "cuLaunchKernel of attention_f32_h128 failed with CUDA_ERROR_INVALID_VALUE");
    kernel.allowSharedBytes(74_240);
    Kernel same = module.kernel("attention_f32_h128");
    assertThatThrownBy(() -> launch(same, 128, 74_241))
        .hasMessageContaining("CUDA_ERROR_INVALID_VALUE");
  }

  @Test
  void moreRegistersThanAMultiprocessorHasAreRefused() {
    assumeTrue(
        Files.exists(Cuda.emulator().orElseThrow().resolveSibling("ptxas.log")),
        "without nvcc nobody knows how many registers a kernel uses");
    Kernel kernel = module.kernel("attention_bf16_h128");
    assertThatThrownBy(() -> launch(kernel, 1024, 0))
        .hasMessageContaining("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES");
  }

  @Test
  void aThreadWithoutTheContextGetsNothing() throws InterruptedException {
    CompletableFuture<Void> allocated =
        CompletableFuture.runAsync(
            () -> DeviceMemory.allocate(4).close(), each -> Thread.ofPlatform().start(each));
    assertThatThrownBy(allocated::get)
        .isInstanceOf(ExecutionException.class)
        .hasMessageContaining("CUDA_ERROR_INVALID_CONTEXT");
  }
}
