package dev.palimpsest.app.options;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.SamplerDefaults;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.LoadProgress;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.LoadOptions;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.JsonFile;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Blocks;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceException;
import dev.palimpsest.sampler.trace.TraceHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Which model, and how it is computed. */
public final class ModelOptions {
  private static final Pattern INSTRUCTED =
      Pattern.compile("(?i)instruct|(?<![a-z])(chat|it|sft)(?![a-z])");

  @Option(
      names = "--model",
      paramLabel = "FOLDER",
      description = "Folder of the model; the bundled abacus-mdm if not given.")
  private Optional<Path> model;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      description =
          "Precision of products: f32 or bf16. If not given: on the host f32, with weights held as"
              + " they are published and the same bits on every CPU; on a GPU bf16.")
  private Optional<Precision> precision;

  @Mixin private DeviceOptions device;

  public static Path bundled() {
    return Cli.home().resolve("models").resolve("abacus-mdm");
  }

  public Path folder() {
    return model.orElseGet(ModelOptions::bundled);
  }

  /**
   * Takes a folder that was given without the option.
   *
   * @throws ParameterException if it was given with the option too
   */
  public void use(Path folder, CommandSpec spec) {
    if (model.isPresent()) {
      throw new ParameterException(
          spec.commandLine(),
          "--model %s and %s are two models: give one".formatted(model.get(), folder));
    }
    model = Optional.of(folder);
  }

  /** The files in it, which nothing may be written over; traces may lie beside them. */
  public List<Path> files() throws IOException {
    return files(folder());
  }

  /** As above, of another model's folder. */
  public static List<Path> files(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(each -> !TraceFiles.isTrace(each)).toList();
    }
  }

  /** Whether its name says that it was tuned on instructions. */
  public boolean isInstructed() {
    Path config = folder().resolve("config.json");
    String published =
        Files.isRegularFile(config)
            ? JsonFile.readObject(config).path("_name_or_path").asString("")
            : "";
    return Stream.of(String.valueOf(folder().toAbsolutePath().normalize().getFileName()), published)
        .anyMatch(name -> INSTRUCTED.matcher(name).find());
  }

  /**
   * Loads it as asked for.
   *
   * @param blocks of a model whose attention is in blocks, if they are not to be its own
   */
  public LanguageModel load(Optional<Blocks> blocks) {
    return load(compute(), blocks);
  }

  /**
   * Loads the model that made a trace, in the trace's precision unless another was asked for.
   *
   * @throws TraceException if this is another model
   */
  public LanguageModel load(Trace trace) {
    return load(compute(trace), SamplerDefaults.blocks(trace.header().options()));
  }

  /**
   * How the model that made a trace is to be computed: in the trace's precision unless another was
   * asked for.
   *
   * @throws TraceException if this is another model
   */
  Compute compute(Trace trace) {
    TraceHeader.ModelIdentity made = trace.header().model();
    TraceHeader.ModelIdentity here = ModelFiles.identity(folder());
    if (!made.sha256().equals(here.sha256())) {
      throw new TraceException(
          "%s: the trace was made by %s with SHA-256 %s, and %s has %s: give the right --model."
              .formatted(trace.name(), made.name(), made.sha256(), folder(), here.sha256()));
    }
    return device.compute(precision.or(() -> recorded(trace)));
  }

  private static Optional<Precision> recorded(Trace trace) {
    String name = trace.header().machine().precision();
    return Arrays.stream(Precision.values())
        .filter(each -> each.name().equalsIgnoreCase(name))
        .filter(each -> each == Precision.F32 || multipliesBf16())
        .findFirst();
  }

  private static boolean multipliesBf16() {
    return HostBackend.multipliesBf16() || CudaBackend.failure().isEmpty();
  }

  /** Loads the model for a way of computing it. */
  public LanguageModel load(Compute compute, Optional<Blocks> blocks) {
    return load(folder(), compute, blocks);
  }

  /** Loads another model, to be computed as this one is asked for. */
  public LanguageModel loadBeside(Path other) {
    return load(other, compute(), Optional.empty());
  }

  private LanguageModel load(Path folder, Compute compute, Optional<Blocks> blocks) {
    LanguageModel loaded;
    try (LoadProgress progress = new LoadProgress()) {
      loaded =
          LanguageModel.load(
              folder,
              LoadOptions.on(compute)
                  .withBlocks(blocks)
                  .withWarmUp()
                  .withNotice(device::notice)
                  .withProgress(progress));
    }
    loaded.model().notices().forEach(ModelOptions::tell);
    return loaded;
  }

  /**
   * Loads what computes, of a folder that may have no tokenizer.
   *
   * @return the transformer, by what it is
   */
  public Map.Entry<ModelSpec, Transformer> loadTransformer() {
    try (LoadProgress progress = new LoadProgress();
        Checkpoint checkpoint = Checkpoint.open(folder())) {
      ModelSpec published = Families.spec(checkpoint.config(), ModelOptions::tell);
      ModelSpec spec =
          published.recommended(
              GenerationConfig.read(folder(), published, ModelOptions::tell), Optional.empty());
      return Map.entry(
          spec, Transformer.load(checkpoint, spec, compute().open(spec, device::notice), progress));
    }
  }

  /** Says on standard error what of a model's folder is not heeded. */
  public static void tell(String notice) {
    Notices.say(notice);
  }

  /** What was asked for on the command line. */
  public Compute compute() {
    return device.compute(precision);
  }

  /** The same for another process of this program. */
  public List<String> arguments() {
    List<String> arguments = new ArrayList<>(List.of("--model", folder().toString()));
    precision.ifPresent(each -> arguments.addAll(List.of("--dtype", each.name())));
    arguments.addAll(device.arguments());
    return arguments;
  }
}
