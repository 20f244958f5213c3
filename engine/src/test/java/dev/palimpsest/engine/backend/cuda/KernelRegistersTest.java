package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What ptxas reported of the kernels, against the blocks that their README gives. */
final class KernelRegistersTest {
  private static final int REGISTERS = 64 << 10;
  private static final int REGISTER_UNIT = 8;

  @Test
  void aBlockOfEveryKernelHasTheRegistersThatItNeeds() throws IOException {
    assumeTrue(
        KernelBlocks.areReported(), "without nvcc nobody knows what registers a kernel uses");
    Map<String, Integer> threads = KernelBlocks.threads();
    for (KernelBlocks.Report report : KernelBlocks.reports()) {
      int registers = Math.ceilDiv(report.registers(), REGISTER_UNIT) * REGISTER_UNIT;
      assertThat(threads).as("blocks in the README").containsKey(report.listed());
      assertThat(registers * threads.getOrDefault(report.listed(), 0))
          .as("registers of a block of %s for %s", report.kernel(), report.architecture())
          .isLessThanOrEqualTo(REGISTERS);
    }
  }

  @Test
  void noKernelSpillsRegistersOnAnyArchitecture() throws IOException {
    assumeTrue(
        KernelBlocks.areReported(), "without nvcc nobody knows what registers a kernel uses");
    assertThat(KernelBlocks.reports().stream().filter(report -> report.spilled() > 0)).isEmpty();
  }
}
