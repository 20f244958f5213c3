package dev.palimpsest.app.lens;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.SafetensorsWriter;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Point;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.engine.probe.Reading;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code probe export}: activations as tensors. */
@Command(
    name = "export",
    description = {
      "Writes activations of the steps of traces as safetensors.",
      "Every step is computed again from its canvas. A hook is a tensor with a row for every step"
          + " and position; the tensors index.* say of each row its trace, step, position and"
          + " tokens. docs/probes.md lists the hooks."
    },
    mixinStandardHelpOptions = true)
final class ProbeExportCommand implements Callable<Integer> {
  private static final List<String> INDEX =
      List.of(
          "index.trace",
          "index.step",
          "index.position",
          "index.token",
          "index.masked",
          "index.final_token",
          "index.commit_step");

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PATH", arity = "1..*", description = "Trace files, or folders of them.")
  private List<Path> paths = List.of();

  @Option(
      names = "--hook",
      paramLabel = "HOOK",
      defaultValue = "blocks.*.hook_resid_post",
      description =
          "What to read, with * for every block; may be given more than once (default:"
              + " ${DEFAULT-VALUE}).")
  private List<String> names = List.of();

  @Option(
      names = "--steps",
      paramLabel = "FIRST-LAST",
      converter = RangeConverter.class,
      description = "Only these steps, from 0.")
  private Optional<Range> steps;

  @Option(
      names = "--at",
      paramLabel = "FIRST-LAST",
      converter = RangeConverter.class,
      description = "Only these positions, counted from the end of the prompt.")
  private Optional<Range> at;

  @Option(
      names = "--to",
      paramLabel = "FILE",
      required = true,
      description = "NAME.safetensors; replaced if it exists.")
  private Path target;

  @Mixin private ModelOptions modelOptions;

  /** Whole numbers from the first to the last. */
  record Range(int first, int last) {
    boolean has(int number) {
      return first <= number && number <= last;
    }
  }

  /** {@code 3-9}, or {@code 3}. */
  static final class RangeConverter implements ITypeConverter<Range> {
    @Override
    public Range convert(String value) {
      if (!value.matches("[0-9]{1,6}(-[0-9]{1,6})?")) {
        throw new TypeConversionException(
            "'" + value + "' is no range: use FIRST-LAST or one number, from 0");
      }
      int dash = value.indexOf('-');
      int first = Integer.parseInt(dash < 0 ? value : value.substring(0, dash));
      return new Range(first, dash < 0 ? first : Integer.parseInt(value.substring(dash + 1)));
    }
  }

  @Override
  public Integer call() throws IOException {
    List<Path> files = TraceFiles.among(paths);
    List<Path> inputs = new ArrayList<>(modelOptions.files());
    inputs.addAll(files);
    Replacement.requireNoInput(spec, "--to", target, inputs);
    List<TraceSteps> traces = TraceSteps.read(files);
    long rows =
        traces.stream()
            .flatMap(each -> each.asked().stream().map(step -> positions(each.trace(), step)))
            .mapToLong(each -> each.length)
            .sum();
    if (rows == 0) {
      throw new TraceException(
          "there is no such step and position in %s: %s was not written.".formatted(paths, target));
    }
    try (LanguageModel language = modelOptions.load(traces.getFirst().trace());
        LateProgress progress =
            new LateProgress(
                "Reading", traces.stream().mapToLong(each -> each.asked().size()).sum())) {
      List<Hook> hooks = hooks(language.model().spec());
      Replacement.write(target, file -> write(file, traces, rows, hooks, language, progress));
      System.out.printf("%s: %d rows of %d hooks%n", target, rows, hooks.size());
    }
    return 0;
  }

  private List<Hook> hooks(ModelSpec model) {
    try {
      return names.stream()
          .flatMap(name -> Hook.named(name, model.layers()).stream())
          .distinct()
          .toList();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--hook: " + e.getMessage(), e);
    }
  }

  private int[] positions(Trace trace, TraceSteps.Asked asked) {
    int prompt = trace.last().promptLength();
    return steps.map(range -> range.has(asked.step())).orElse(true)
        ? IntStream.range(prompt, asked.query().tokens().length)
            .filter(position -> at.map(range -> range.has(position - prompt)).orElse(true))
            .toArray()
        : new int[0];
  }

  private void write(
      Path file,
      List<TraceSteps> traces,
      long rows,
      List<Hook> hooks,
      LanguageModel language,
      LateProgress progress)
      throws IOException {
    ModelSpec model = language.model().spec();
    int keys =
        traces.stream()
            .flatMap(each -> each.asked().stream())
            .mapToInt(each -> each.query().tokens().length)
            .max()
            .orElse(0);
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    INDEX.forEach(name -> entries.add(new SafetensorsWriter.Entry(name, DType.I64, List.of(rows))));
    for (Hook hook : hooks) {
      entries.add(
          new SafetensorsWriter.Entry(
              hook.name(),
              DType.F32,
              hook.point() == Point.PATTERN
                  ? List.of(rows, (long) model.attention().heads(), (long) keys)
                  : List.of(rows, (long) hook.width(model))));
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("traces", Json.write(traces.stream().map(each -> each.trace().name()).toList()));
    metadata.put("model_sha256", traces.getFirst().trace().header().model().sha256());
    metadata.put("arithmetic", language.model().transformer().arithmetic());
    try (SafetensorsWriter writer = new SafetensorsWriter(file, entries, metadata)) {
      for (int number = 0; number < traces.size(); number++) {
        Trace trace = traces.get(number).trace();
        int[] commits = CommitSteps.of(trace);
        for (TraceSteps.Asked asked : traces.get(number).asked()) {
          int[] positions = positions(trace, asked);
          if (positions.length > 0) {
            index(writer, number, trace, commits, asked.step(), positions);
            List<Reading> readings = new ArrayList<>();
            language
                .model()
                .transformer()
                .probed(new Probe(hooks, _ -> positions, readings::add))
                .predict(List.of(asked.query()));
            for (Reading reading : readings) {
              writer.write(
                  reading.hook().name(),
                  reading.hook().point() == Point.PATTERN
                      ? widened(reading, keys)
                      : reading.values());
            }
          }
          progress.step();
        }
      }
      writer.end();
    }
  }

  private static void index(
      SafetensorsWriter writer, int number, Trace trace, int[] commits, int step, int[] positions)
      throws IOException {
    CanvasImage before = trace.canvasBefore(step);
    int prompt = before.promptLength();
    long[][] columns = new long[INDEX.size()][positions.length];
    for (int i = 0; i < positions.length; i++) {
      int position = positions[i];
      columns[0][i] = number;
      columns[1][i] = step;
      columns[2][i] = (long) position - prompt;
      columns[3][i] = before.id(position);
      columns[4][i] = before.state(position).isOpen() ? 1 : 0;
      columns[5][i] = trace.last().id(position);
      columns[6][i] = commits[position - prompt];
    }
    for (int column = 0; column < columns.length; column++) {
      writer.write(INDEX.get(column), columns[column]);
    }
  }

  /** Sequences differ in their keys; what is beyond a sequence's has 0. */
  private static float[] widened(Reading reading, int keys) {
    float[] wide = new float[reading.rows() * keys];
    for (int row = 0; row < reading.rows(); row++) {
      System.arraycopy(
          reading.values(), row * reading.columns(), wide, row * keys, reading.columns());
    }
    return wide;
  }
}
