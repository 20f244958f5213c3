package dev.palimpsest.app.trace;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.app.intervention.EndpointJudge;
import dev.palimpsest.app.intervention.EndpointOptions;
import dev.palimpsest.app.options.DeviceOptions;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.engine.LoadOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.lab.legibility.CharacterModel;
import dev.palimpsest.lab.legibility.Degradation;
import dev.palimpsest.lab.legibility.Legibility;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.lab.measure.Spearman;
import dev.palimpsest.sampler.trace.Checksum;
import dev.palimpsest.sampler.trace.TextTrace;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.AttentionPattern;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code trace legibility}: how well texts could be read while they were written. */
@Command(
    name = "legibility",
    description = {
      "Measures how well texts can be read while they are written.",
      "By how surprising their characters are to a model of characters, and if asked to a twin, and"
          + " by what a server says; after every tenth of the steps, and of the last text made"
          + " worse, which each has to notice. docs/measures.md defines the numbers."
    },
    mixinStandardHelpOptions = true)
final class TraceLegibilityCommand implements Callable<Integer> {
  private static final String VERDICTS = "verdicts";

  /** A judge gives 0 to this; more is easier to read. */
  private static final double BEST_VERDICT = 4;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PATH", arity = "1..*", description = "Trace files, or folders of them.")
  private List<Path> paths = List.of();

  @Option(
      names = "--corpus",
      paramLabel = "FILE",
      description =
          "The model of characters is made of this text; of the last texts of the other traces if"
              + " not given.")
  private Optional<Path> corpus;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Seed of the texts made worse (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--twin",
      paramLabel = "FOLDER",
      description = "Also measure by this model, which writes from left to right.")
  private Optional<Path> twin;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      description = "Precision of the twin: f32 or bf16; that of the device if not given.")
  private Optional<Precision> precision;

  @Mixin private DeviceOptions device;

  @Mixin private EndpointOptions endpoint;

  @Option(names = "--json", description = "Print one JSON object, every trace in it.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    Optional<EndpointJudge> judge = endpoint.server().map(EndpointJudge::new);
    List<TextTrace> traces = traces();
    List<LegibilityScores> scores = new ArrayList<>();
    scores.add(surprise(traces));
    if (twin.isPresent()) {
      scores.add(twinSurprise(traces, twin.get()));
    }
    if (judge.isPresent()) {
      scores.add(verdicts(traces, judge.get()));
    }
    if (json) {
      System.out.println(Json.write(report(traces, scores)));
    } else {
      print(scores);
    }
    return 0;
  }

  private LegibilityScores surprise(List<TextTrace> traces) throws IOException {
    List<Legibility> found = new ArrayList<>();
    for (int index = 0; index < traces.size(); index++) {
      CharacterModel model = new CharacterModel(texts(traces, index));
      found.add(Legibility.of(traces.get(index).frames(), model::nats, seed));
    }
    return new LegibilityScores("nats", "nats a character", Double.POSITIVE_INFINITY, 1, found);
  }

  private LegibilityScores twinSurprise(List<TextTrace> traces, Path folder) {
    try (LanguageModel language =
        LanguageModel.load(
            folder, LoadOptions.on(device.compute(precision)).withNotice(device::notice))) {
      if (!(language.limits().pattern() instanceof AttentionPattern.Causal)) {
        throw wrong(
            "--twin " + folder + " fills masks: give a model that writes from left to right");
      }
      return new LegibilityScores(
          "twin_nats",
          "the twin's",
          Double.POSITIVE_INFINITY,
          1,
          atTenths("Reading", traces, trace -> TwinReader.of(language, trace)::nats));
    }
  }

  private LegibilityScores verdicts(List<TextTrace> traces, EndpointJudge judge) {
    return new LegibilityScores(
        VERDICTS,
        "the judge, 0 to 4",
        BEST_VERDICT,
        -1,
        atTenths("Asking", traces, _ -> text -> OptionalDouble.of(judge.legibility(text))));
  }

  /** What takes long is asked of the states that are printed alone. */
  private List<Legibility> atTenths(
      String doing,
      List<TextTrace> traces,
      Function<TextTrace, Function<String, OptionalDouble>> scores) {
    List<Legibility> found = new ArrayList<>();
    try (LateProgress progress = new LateProgress(doing, traces.size())) {
      for (TextTrace trace : traces) {
        int steps = trace.frames().size();
        List<String> states =
            IntStream.rangeClosed(1, LegibilityScores.TENTHS)
                .map(tenths -> Legibility.step(tenths, steps))
                .mapToObj(trace.frames()::get)
                .toList();
        found.add(Legibility.of(states, scores.apply(trace), seed));
        progress.step();
      }
    }
    return found;
  }

  private ParameterException wrong(String complaint) {
    return new ParameterException(spec.commandLine(), complaint);
  }

  private List<TextTrace> traces() throws IOException {
    List<TextTrace> traces = new ArrayList<>();
    for (Path file : TraceFiles.among(paths)) {
      TextTrace trace =
          TextTrace.isIn(file) ? TextTrace.readWhole(file) : TextTrace.of(Trace.readWhole(file));
      if (trace.frames().isEmpty()) {
        Notices.say(file + " has no step, and is left out");
      } else {
        traces.add(trace);
      }
    }
    if (traces.isEmpty()) {
      throw new ParameterException(spec.commandLine(), paths + " holds no trace with a step");
    }
    if (corpus.isEmpty() && traces.size() == 1) {
      throw wrong("one trace says nothing of how its texts look: give more of them, or --corpus");
    }
    return traces;
  }

  /** What the model for a trace is made of: never of the trace itself. */
  private List<String> texts(List<TextTrace> traces, int without) throws IOException {
    if (corpus.isPresent()) {
      return List.of(Files.readString(corpus.get()));
    }
    return IntStream.range(0, traces.size())
        .filter(index -> index != without)
        .mapToObj(index -> traces.get(index).frames().getLast())
        .toList();
  }

  private static void print(List<LegibilityScores> scores) {
    int traces = scores.getFirst().traces().size();
    System.out.printf("%d trace%s%n", traces, traces == 1 ? "" : "s");
    line("steps", scores, LegibilityScores::title);
    for (int each = 1; each <= LegibilityScores.TENTHS; each++) {
      int tenths = each;
      line("%6d %%".formatted(10 * tenths), scores, score -> described(score.mean(tenths)));
    }
    for (Degradation how : Degradation.values()) {
      line(LegibilityScores.named(how), scores, score -> described(score.mean(how)));
    }
    for (Degradation how : Degradation.values()) {
      line(
          LegibilityScores.named(how),
          scores,
          score -> "worse in %d of %d".formatted(score.noticed(how)[0], score.noticed(how)[1]));
    }
    judgements(scores)
        .forEach(
            (name, found) ->
                System.out.printf(
                    Locale.ROOT, "rank correlation of %s with the judge %.3f%n", name, found));
  }

  private static void line(
      String head, List<LegibilityScores> scores, Function<LegibilityScores, String> cell) {
    StringBuilder line = new StringBuilder("%-8s".formatted(head));
    scores.forEach(score -> line.append("%24s".formatted(cell.apply(score))));
    System.out.println(line);
  }

  private static String described(Optional<Estimate> estimate) {
    return estimate
        .map(
            each ->
                each.interval()
                    .map(
                        interval ->
                            String.format(
                                Locale.ROOT,
                                "%.3f [%.3f, %.3f]",
                                each.value(),
                                interval.low(),
                                interval.high()))
                    .orElseGet(() -> String.format(Locale.ROOT, "%.3f", each.value())))
        .orElse("–");
  }

  /**
   * The rank correlations of the other scores with the judge's, over the states that are printed,
   * where there is a judge.
   */
  private static Map<String, Double> judgements(List<LegibilityScores> scores) {
    Map<String, Double> found = new LinkedHashMap<>();
    LegibilityScores judge = scores.getLast();
    if (judge.name().equals(VERDICTS)) {
      for (LegibilityScores score : scores.subList(0, scores.size() - 1)) {
        correlation(score, judge).ifPresent(each -> found.put(score.name(), each));
      }
    }
    return found;
  }

  private static OptionalDouble correlation(LegibilityScores some, LegibilityScores others) {
    List<double[]> pairs = new ArrayList<>();
    for (int trace = 0; trace < some.traces().size(); trace++) {
      for (int tenths = 1; tenths <= LegibilityScores.TENTHS; tenths++) {
        OptionalDouble one = some.hardness(trace, tenths);
        OptionalDouble other = others.hardness(trace, tenths);
        if (one.isPresent() && other.isPresent()) {
          pairs.add(new double[] {one.getAsDouble(), other.getAsDouble()});
        }
      }
    }
    return Spearman.of(
        pairs.stream().mapToDouble(each -> each[0]).toArray(),
        pairs.stream().mapToDouble(each -> each[1]).toArray());
  }

  private static Map<String, Object> report(List<TextTrace> traces, List<LegibilityScores> scores) {
    List<Map<String, Object>> each = new ArrayList<>();
    for (int index = 0; index < traces.size(); index++) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("trace", traces.get(index).name());
      for (LegibilityScores score : scores) {
        score.report(index, fields);
      }
      each.add(fields);
    }
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("traces", each);
    Map<String, Object> means = new LinkedHashMap<>();
    scores.forEach(score -> means.put(score.name(), score.means()));
    report.put("means", means);
    if (scores.getLast().name().equals(VERDICTS)) {
      report.put("judge_prompt_sha256", Checksum.sha256(EndpointJudge.REQUEST));
      report.put("spearman", judgements(scores));
    }
    return report;
  }
}
