package dev.palimpsest.app.options;

import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What computes, and how. */
public final class DeviceOptions {
  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description =
          "auto, host or cuda; auto (the default) is the GPU if one can run the model, else the host.")
  private Optional<Compute.Device> device;

  @Option(
      names = "--audit",
      description = "Fill the memory of every step with NaN before it. Changes no result; slower.")
  private boolean audit;

  @Option(
      names = "--fast-gemm",
      description =
          "On a GPU: choose the algorithm of every matrix product by its number of rows. Faster, but a"
              + " result may depend on what shares its batch.")
  private boolean fastGemm;

  @Mixin private ThreadOptions threads;

  public Compute compute(Optional<Precision> precision) {
    return new Compute(
        device.orElse(Compute.Device.AUTO),
        precision,
        threads.count(),
        new CudaOptions(audit, fastGemm));
  }

  /** Says on standard error why the GPU is not used, if it was asked about. */
  public void notice(String text) {
    if (device.isPresent()) {
      Notices.say(text);
    }
  }

  /** The same for another process of this program. */
  public List<String> arguments() {
    List<String> arguments = new ArrayList<>(List.of("--threads", String.valueOf(threads.count())));
    device.ifPresent(each -> arguments.addAll(List.of("--device", each.name())));
    if (fastGemm) {
      arguments.add("--fast-gemm");
    }
    return arguments;
  }
}
