package dev.palimpsest.app;

import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.backend.Precision;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model, and how it is computed. */
final class ModelOptions {
  @Option(
      names = "--model",
      paramLabel = "FOLDER",
      description = "Folder of the model; the bundled abacus-mdm if not given.")
  private Optional<Path> model;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      description =
          "Precision of the weights: f32 or bf16; if not given, what the device computes fastest.")
  private Optional<Precision> precision;

  @Mixin private DeviceOptions device;

  static Path bundled() {
    return Main.home().resolve("models").resolve("abacus-mdm");
  }

  Path folder() {
    return model.orElseGet(ModelOptions::bundled);
  }

  Model load() {
    Compute compute = device.compute(precision);
    try (LoadProgress progress = new LoadProgress()) {
      return Model.load(folder(), compute, device::notice, progress);
    }
  }
}
