package dev.palimpsest.app.intervention;

import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.probe.Patch;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Changes inside the steps of a generation. */
public final class InsideOptions {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--inside",
      paramLabel = "CHANGE",
      description =
          "Change activations inside steps: 'add HOOK from=FILE.safetensors:TENSOR scale=2"
              + " steps=0-9 at=0-4' adds a vector, 'set HOOK from=…' puts others in their place;"
              + " may be given more than once. No guarantee is claimed of such steps, and the"
              + " trace says so. docs/probes.md lists the hooks.")
  private List<String> changes = List.of();

  /** The files that are read. */
  public List<Path> files() {
    return changes.stream().map(words -> parsed(words).file()).toList();
  }

  private InsideChange parsed(String words) {
    try {
      return InsideChange.parse(words);
    } catch (IllegalArgumentException e) {
      throw wrong(words, e);
    }
  }

  private ParameterException wrong(String words, IllegalArgumentException e) {
    return new ParameterException(
        spec.commandLine(), "--inside '%s': %s".formatted(words, e.getMessage()), e);
  }

  /**
   * The model with the changes.
   *
   * @throws ParameterException if a change is wrong, or does not fit the model
   */
  public Changed changed(Model model, int promptLength) {
    List<String> described = new ArrayList<>();
    List<Patch> patches = new ArrayList<>();
    Denoiser denoiser = model.transformer();
    for (String words : changes) {
      try {
        InsideChange change = parsed(words);
        float[] values = change.values();
        described.add(change.described(values));
        patches.addAll(change.patches(values, model.spec().layers(), promptLength));
        denoiser = model.transformer().patched(patches, Optional.empty());
      } catch (IllegalArgumentException e) {
        throw wrong(words, e);
      }
    }
    Denoiser changed = denoiser;
    return new Changed(
        changes.isEmpty() ? model.transformer() : queries -> predicted(changed, queries),
        described);
  }

  /** Whether a change has a row for every position shows when they are known. */
  private List<List<Prediction>> predicted(Denoiser changed, List<Query> queries) {
    try {
      return changed.predict(queries);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--inside: " + e.getMessage(), e);
    }
  }

  /**
   * A model whose steps are changed inside; without changes, the model.
   *
   * @param denoiser of the steps
   * @param changes as a trace names them
   */
  public record Changed(Denoiser denoiser, List<String> changes) {}
}
