package dev.palimpsest.app;

import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.backend.host.HostBackend;
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
          "Precision of the weights: f32 or bf16; if not given, what this machine computes fastest.")
  private Optional<Precision> precision;

  @Mixin private ThreadOptions threads;

  static Path bundled() {
    return Main.home().resolve("models").resolve("abacus-mdm");
  }

  Path folder() {
    return model.orElseGet(ModelOptions::bundled);
  }

  Precision precision() {
    return precision.orElseGet(HostBackend::fastestPrecision);
  }

  Model load() {
    int count = threads.count();
    try (LoadProgress progress = new LoadProgress()) {
      return Model.load(folder(), precision(), count, progress);
    }
  }
}
