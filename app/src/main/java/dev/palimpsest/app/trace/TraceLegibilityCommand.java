package dev.palimpsest.app.trace;

import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.app.intervention.ChatEndpoint;
import dev.palimpsest.app.intervention.EndpointJudge;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.lab.legibility.CharacterModel;
import dev.palimpsest.lab.legibility.Degradation;
import dev.palimpsest.lab.legibility.Legibility;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.lab.measure.Spearman;
import dev.palimpsest.sampler.trace.Checksum;
import dev.palimpsest.sampler.trace.TextTrace;
import dev.palimpsest.sampler.trace.Trace;
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
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
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
      "By how surprising their characters are to a model of characters, and by what a server says if"
          + " it is asked; after every tenth of the steps, and of the last text made worse, which"
          + " both have to notice. docs/measures.md defines the numbers."
    },
    mixinStandardHelpOptions = true)
final class TraceLegibilityCommand implements Callable<Integer> {
  private static final int TENTHS = 10;

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
      names = "--endpoint",
      paramLabel = "URL",
      description = "Also ask this server, as http://host/v1/chat/completions.")
  private Optional<String> endpoint;

  @Option(names = "--endpoint-model", paramLabel = "NAME", description = "Its name for its model.")
  private Optional<String> endpointModel;

  @Option(
      names = "--endpoint-key-variable",
      paramLabel = "NAME",
      description = "The environment variable that holds its key, if it needs one.")
  private Optional<String> endpointKey;

  @Option(names = "--json", description = "Print one JSON object, every trace in it.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    Optional<EndpointJudge> judge = judge();
    List<TextTrace> traces = traces();
    List<Legibility> surprise = new ArrayList<>();
    for (int index = 0; index < traces.size(); index++) {
      CharacterModel model = new CharacterModel(texts(traces, index));
      surprise.add(Legibility.of(traces.get(index).frames(), model::nats, seed));
    }
    List<Legibility> verdicts = new ArrayList<>();
    if (judge.isPresent()) {
      try (LateProgress progress = new LateProgress("Asking", traces.size())) {
        for (TextTrace trace : traces) {
          verdicts.add(judged(trace, judge.get()));
          progress.step();
        }
      }
    }
    Map<String, Object> report = report(traces, surprise, verdicts);
    if (json) {
      System.out.println(Json.write(report));
    } else {
      print(surprise, verdicts);
    }
    return 0;
  }

  private Optional<EndpointJudge> judge() {
    if (endpoint.isEmpty()) {
      return Optional.empty();
    }
    if (endpointModel.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "--endpoint needs the model's name: give --endpoint-model");
    }
    return Optional.of(
        new EndpointJudge(
            new ChatEndpoint(endpoint.get(), endpointModel.get(), endpointKey.orElse(""))));
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
      throw new ParameterException(
          spec.commandLine(),
          "one trace says nothing of how its texts look: give more of them, or --corpus");
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

  /** The judge is asked of the states that are printed alone. */
  private Legibility judged(TextTrace trace, EndpointJudge judge) {
    int steps = trace.frames().size();
    List<String> asked =
        IntStream.rangeClosed(1, TENTHS)
            .map(tenths -> Legibility.step(tenths, steps))
            .mapToObj(trace.frames()::get)
            .toList();
    return Legibility.of(asked, text -> OptionalDouble.of(judge.legibility(text)), seed);
  }

  private static void print(List<Legibility> surprise, List<Legibility> verdicts) {
    System.out.printf("%d trace%s%n", surprise.size(), surprise.size() == 1 ? "" : "s");
    System.out.printf("%-10s %28s%s%n", "steps", "nats a character", head(verdicts));
    for (int tenths = 1; tenths <= TENTHS; tenths++) {
      System.out.printf(
          "%8d %% %28s%s%n",
          10 * tenths,
          described(at(surprise, tenths)),
          verdicts.isEmpty() ? "" : "%28s".formatted(described(at(verdicts, tenths))));
    }
    for (Degradation each : Degradation.values()) {
      System.out.printf(
          "%-10s %28s%s%n",
          each.name().toLowerCase(Locale.ROOT),
          described(degraded(surprise, each)),
          verdicts.isEmpty() ? "" : "%28s".formatted(described(degraded(verdicts, each))));
    }
    for (Degradation each : Degradation.values()) {
      System.out.printf(
          "%s is worse in %s%s%n",
          each.name().toLowerCase(Locale.ROOT),
          share(worse(surprise, each, 1)),
          verdicts.isEmpty() ? "" : ", and for the judge in " + share(worse(verdicts, each, -1)));
    }
    correlation(surprise, verdicts)
        .ifPresent(
            found ->
                System.out.printf(
                    Locale.ROOT, "rank correlation of the two over all states %.3f%n", found));
  }

  private static String head(List<Legibility> verdicts) {
    return verdicts.isEmpty() ? "" : "%28s".formatted("the judge, 0 to 4");
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

  private static String share(int[] hits) {
    return "%d of %d".formatted(hits[0], hits[1]);
  }

  private static Optional<Estimate> at(List<Legibility> all, int tenths) {
    return mean(
        all.stream()
            .map(each -> each.steps().get(Legibility.step(tenths, each.steps().size())))
            .toList());
  }

  private static Optional<Estimate> degraded(List<Legibility> all, Degradation how) {
    return mean(
        all.stream()
            .map(each -> each.degraded().getOrDefault(how, OptionalDouble.empty()))
            .toList());
  }

  private static Optional<Estimate> mean(List<OptionalDouble> values) {
    double[] known =
        values.stream()
            .filter(OptionalDouble::isPresent)
            .mapToDouble(OptionalDouble::getAsDouble)
            .toArray();
    return known.length == 0
        ? Optional.empty()
        : Optional.of(Estimate.mean(known, Double.POSITIVE_INFINITY));
  }

  /** In how many traces a text made worse has the worse score, and of how many. */
  private static int[] worse(List<Legibility> all, Degradation how, int direction) {
    int[] hits = new int[2];
    for (Legibility each : all) {
      OptionalDouble degraded = each.degraded().getOrDefault(how, OptionalDouble.empty());
      if (degraded.isPresent() && each.last().isPresent()) {
        hits[1]++;
        double difference = degraded.getAsDouble() - each.last().getAsDouble();
        hits[0] += direction * difference > 0 ? 1 : 0;
      }
    }
    return hits;
  }

  /**
   * Of how hard a text is to read by the one and by the other, over the states that are printed.
   */
  private static OptionalDouble correlation(List<Legibility> surprise, List<Legibility> verdicts) {
    List<double[]> pairs = new ArrayList<>();
    for (int trace = 0; trace < verdicts.size(); trace++) {
      Legibility some = surprise.get(trace);
      for (int tenths = 1; tenths <= TENTHS; tenths++) {
        OptionalDouble nats = some.steps().get(Legibility.step(tenths, some.steps().size()));
        OptionalDouble verdict = verdicts.get(trace).steps().get(tenths - 1);
        if (nats.isPresent() && verdict.isPresent()) {
          pairs.add(new double[] {nats.getAsDouble(), BEST_VERDICT - verdict.getAsDouble()});
        }
      }
    }
    return Spearman.of(
        pairs.stream().mapToDouble(each -> each[0]).toArray(),
        pairs.stream().mapToDouble(each -> each[1]).toArray());
  }

  private static Map<String, Object> report(
      List<TextTrace> traces, List<Legibility> surprise, List<Legibility> verdicts) {
    List<Map<String, Object>> each = new ArrayList<>();
    for (int index = 0; index < traces.size(); index++) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("trace", traces.get(index).name());
      put(fields, "nats", surprise.get(index));
      if (!verdicts.isEmpty()) {
        put(fields, "verdicts", verdicts.get(index));
      }
      each.add(fields);
    }
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("traces", each);
    for (Degradation how : Degradation.values()) {
      int[] hits = worse(surprise, how, 1);
      report.put(how.name().toLowerCase(Locale.ROOT), Map.of("worse", hits[0], "traces", hits[1]));
    }
    if (!verdicts.isEmpty()) {
      report.put("judge_prompt_sha256", Checksum.sha256(EndpointJudge.REQUEST));
      correlation(surprise, verdicts).ifPresent(found -> report.put("spearman", found));
    }
    return report;
  }

  private static void put(Map<String, Object> fields, String name, Legibility found) {
    fields.put(
        name,
        found.steps().stream().map(each -> each.isPresent() ? each.getAsDouble() : null).toList());
    found
        .degraded()
        .forEach(
            (how, value) ->
                value.ifPresent(
                    score -> fields.put(name + "_" + how.name().toLowerCase(Locale.ROOT), score)));
  }
}
