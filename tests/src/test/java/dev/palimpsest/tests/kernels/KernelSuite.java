package dev.palimpsest.tests.kernels;

import dev.palimpsest.tests.bench.SuiteRunner;
import java.util.TreeSet;

/**
 * Runs every test of the kernels on the device, and exits with 1 if one fails or a kernel was not
 * launched. With {@code -Dpalimpsest.kernels.seeds=1 -Dpalimpsest.kernels.guards=false} it is short
 * and leaves nothing around a buffer: for tools that watch every access.
 */
final class KernelSuite {
  private KernelSuite() {}

  public static void main(String[] arguments) {
    boolean passed =
        SuiteRunner.run(
            RowKernelsTest.class.getName(),
            AttentionKernelTest.class.getName(),
            VocabularyKernelTest.class.getName(),
            ExpertKernelsTest.class.getName());
    TreeSet<String> idle = new TreeSet<>(KernelLibrary.assumed().kernelNames());
    int kernels = idle.size();
    idle.removeAll(DeviceKernels.ifWanted().orElseThrow().launched());
    System.out.println(
        idle.isEmpty()
            ? "all " + kernels + " kernels were launched on the device"
            : "FAILED: never launched on the device: " + idle);
    System.exit(passed && idle.isEmpty() ? 0 : 1);
  }
}
