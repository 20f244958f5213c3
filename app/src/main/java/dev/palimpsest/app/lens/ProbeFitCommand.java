package dev.palimpsest.app.lens;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.app.options.AnswerOptions;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.ProblemOptions;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.lab.probe.ProbeItem;
import dev.palimpsest.lab.probe.ProbeStudy;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code probe fit}: linear probes by block and step. */
@Command(
    name = "fit",
    description = {
      "Fits linear probes to every block at points of many traces.",
      "What can be read off the mean activations before it is written: trained on two thirds of the"
          + " problems and tried on the others, with shuffled labels as the control, and a twin's"
          + " traces at matched compute. docs/measures.md defines the numbers."
    },
    mixinStandardHelpOptions = true)
final class ProbeFitCommand implements Callable<Integer> {
  private static final int MOST_POINTS = 12;
  private static final int MOST_SHUFFLES = 10_000;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PATH", arity = "1..*", description = "Trace files, or folders of them.")
  private List<Path> paths = List.of();

  @Option(
      names = "--label",
      paramLabel = "LABEL",
      required = true,
      description =
          "What to tell: right (whether the answer is), operation (of the last equation), number"
              + " (the last digit of its result).")
  private ProbeLabel label;

  @Option(
      names = "--points",
      paramLabel = "N",
      defaultValue = "9",
      description =
          "Points of a run, from its first step to its last: 2 to 12 (default: ${DEFAULT-VALUE}).")
  private int points;

  @Option(
      names = "--problems",
      paramLabel = "FILE",
      description = "The right answers, by the prompt; the bundled problems if not given.")
  private Optional<Path> problemsFile;

  @Option(
      names = "--shuffles",
      paramLabel = "N",
      defaultValue = "100",
      description =
          "Shuffles of the labels that the control is made of: 2 to 10,000 (default:"
              + " ${DEFAULT-VALUE}).")
  private int shuffles;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of the shuffles and the bootstrap (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--twin",
      paramLabel = "FOLDER",
      description = "Another model; needs --twin-traces.")
  private Optional<Path> twin;

  @Option(
      names = "--twin-traces",
      paramLabel = "PATH",
      description =
          "The twin's traces of such problems: a file or a folder; may be given more than once.")
  private List<Path> twinPaths = List.of();

  @Mixin private AnswerOptions answerOptions;

  @Mixin private ModelOptions modelOptions;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (points < 2 || points > MOST_POINTS) {
      throw wrong("--points %d is not 2 to %d".formatted(points, MOST_POINTS));
    }
    if (shuffles < 2 || shuffles > MOST_SHUFFLES) {
      throw wrong("--shuffles %d is not 2 to %,d".formatted(shuffles, MOST_SHUFFLES));
    }
    if (twin.isPresent() == twinPaths.isEmpty()) {
      throw wrong("--twin and --twin-traces need each other: give both or none");
    }
    SpanRule rule = new SpanRule.Matching(answerOptions.pattern());
    List<Problem> problems =
        label == ProbeLabel.RIGHT ? Problem.read(ProblemOptions.file(problemsFile)) : List.of();
    List<TraceSteps> traces = labelled(paths, rule, problems);
    List<TraceSteps> others = List.of();
    if (twin.isPresent()) {
      others = labelled(twinPaths, rule, problems);
      requireMadeBy(twin.get(), others.getFirst().trace());
    }
    ProbeStudy own;
    try (LanguageModel language = modelOptions.load(traces.getFirst().trace())) {
      ProbeReader reader = new ProbeReader(language.model(), label, rule, problems);
      own = study(reader, traces, Optional.empty());
    }
    Optional<ProbeStudy> other = Optional.empty();
    if (twin.isPresent()) {
      try (LanguageModel language = modelOptions.loadBeside(twin.get())) {
        ProbeReader reader = new ProbeReader(language.model(), label, rule, problems);
        other = Optional.of(study(reader, others, Optional.of(own.compute())));
      }
    }
    if (json) {
      Map<String, Object> report = new LinkedHashMap<>();
      report.put("label", label.name().toLowerCase(Locale.ROOT));
      report.put("seed", seed);
      report.put("shuffles", shuffles);
      report.put("model", report(own));
      other.ifPresent(study -> report.put("twin", report(study)));
      System.out.println(Json.write(report));
    } else {
      print(modelOptions.folder(), own);
      other.ifPresent(study -> print(twin.orElseThrow(), study));
    }
    return 0;
  }

  private ParameterException wrong(String complaint) {
    return new ParameterException(spec.commandLine(), complaint);
  }

  /** Those of the traces that have a label; probes must be able to tell it. */
  private List<TraceSteps> labelled(List<Path> from, SpanRule rule, List<Problem> problems)
      throws IOException {
    List<TraceSteps> all = TraceSteps.read(TraceFiles.among(from));
    List<TraceSteps> labelled = new ArrayList<>();
    List<String> labels = new ArrayList<>();
    for (TraceSteps trace : all) {
      Optional<String> own =
          trace.asked().isEmpty() ? Optional.empty() : label.of(trace.trace(), rule, problems);
      own.ifPresent(
          told -> {
            labelled.add(trace);
            labels.add(told);
          });
    }
    String asked = "--label " + label.name().toLowerCase(Locale.ROOT);
    if (labels.isEmpty()) {
      throw new TraceException(
          "%s: none of %d traces has what %s tells%s."
              .formatted(
                  from.getFirst(),
                  all.size(),
                  asked,
                  label == ProbeLabel.RIGHT
                      ? ": no prompt is in " + ProblemOptions.file(problemsFile)
                      : ""));
    }
    try {
      ProbeStudy.requireLabels(
          labelled.stream().map(each -> ProbeLabel.prompt(each.trace())).toList(), labels);
    } catch (IllegalArgumentException e) {
      throw new TraceException(
          "%s: %d of %d traces have what %s tells; %s."
              .formatted(from.getFirst(), labels.size(), all.size(), asked, e.getMessage()),
          e);
    }
    return labelled;
  }

  private static void requireMadeBy(Path folder, Trace trace) {
    if (!ModelFiles.identity(folder).sha256().equals(trace.header().model().sha256())) {
      throw new TraceException(
          "%s: the trace was made by %s, and not by %s: give the right --twin."
              .formatted(trace.name(), trace.header().model().name(), folder));
    }
  }

  private ProbeStudy study(
      ProbeReader reader, List<TraceSteps> traces, Optional<double[]> matched) {
    List<ProbeItem> items = new ArrayList<>();
    try (LateProgress progress = new LateProgress("Reading", traces.size())) {
      for (TraceSteps trace : traces) {
        reader.read(trace, points, matched).ifPresent(items::add);
        progress.step();
      }
    }
    return ProbeStudy.of(items, seed, shuffles);
  }

  private void print(Path folder, ProbeStudy study) {
    System.out.printf(
        "%s: %d trained, %d tried, %d labels%n",
        folder.getFileName(), study.trained(), study.tried(), study.labels().size());
    StringBuilder head = new StringBuilder("block");
    for (int point = 0; point < study.compute().length; point++) {
      head.append(String.format(Locale.ROOT, "%5d", point));
    }
    System.out.println(head + "  from  lead");
    for (int block = 0; block < study.cells().size(); block++) {
      StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%5d", block));
      for (ProbeStudy.Cell cell : study.cells().get(block)) {
        line.append(shown(cell.auroc().map(Estimate::value)));
      }
      OptionalInt from = study.emergence().get(block);
      OptionalDouble lead = study.lead().get(block);
      System.out.println(
          line
              + String.format("%6s", from.isPresent() ? from.getAsInt() : "-")
              + String.format(
                  "%6s",
                  lead.isPresent() ? String.format(Locale.ROOT, "%.1f", lead.getAsDouble()) : "-"));
    }
    System.out.println(
        "shuffled %d times: mean and deviation over blocks, and p of each block"
            .formatted(shuffles));
    System.out.println(meanLine("mean", study, ProbeStudy.Control::mean));
    System.out.println(meanLine("dev", study, ProbeStudy.Control::deviation));
    for (int block = 0; block < study.cells().size(); block++) {
      StringBuilder line = new StringBuilder(String.format(Locale.ROOT, "%5d", block));
      for (ProbeStudy.Cell cell : study.cells().get(block)) {
        line.append(shown(cell.control().map(ProbeStudy.Control::p)));
      }
      System.out.println(line);
    }
    StringBuilder steps = new StringBuilder("step ");
    for (double each : study.steps()) {
      steps.append(String.format(Locale.ROOT, "%5.0f", each));
    }
    System.out.println(steps);
    boolean isLarge = study.compute()[study.compute().length - 1] >= 1e12;
    StringBuilder spent = new StringBuilder(isLarge ? "TFLOP" : "GFLOP");
    for (double each : study.compute()) {
      spent.append(String.format(Locale.ROOT, " %4s", digits(each / (isLarge ? 1e12 : 1e9))));
    }
    System.out.println(spent);
  }

  /** Two digits behind the point of a small number. */
  private static String digits(double number) {
    return String.format(Locale.ROOT, number < 10 ? "%.2f" : "%.0f", number);
  }

  private static String shown(Optional<Double> number) {
    return number.map(each -> String.format(Locale.ROOT, "%5.2f", each)).orElse("    -");
  }

  private static String meanLine(
      String name, ProbeStudy study, ToDoubleFunction<ProbeStudy.Control> number) {
    StringBuilder line = new StringBuilder("%-5s".formatted(name));
    for (int point = 0; point < study.compute().length; point++) {
      int at = point;
      OptionalDouble mean =
          study.cells().stream()
              .flatMap(row -> row.get(at).control().stream())
              .mapToDouble(number)
              .average();
      line.append(shown(mean.isPresent() ? Optional.of(mean.getAsDouble()) : Optional.empty()));
    }
    return line.toString();
  }

  private static Map<String, Object> report(ProbeStudy study) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("trained", study.trained());
    report.put("tried", study.tried());
    report.put("labels", study.labels());
    report.put("steps", study.steps());
    report.put("compute", study.compute());
    List<Map<String, Object>> blocks = new ArrayList<>();
    for (int block = 0; block < study.cells().size(); block++) {
      Map<String, Object> each = new LinkedHashMap<>();
      each.put("auroc", study.cells().get(block).stream().map(cell -> json(cell.auroc())).toList());
      each.put(
          "shuffled",
          study.cells().get(block).stream().map(cell -> control(cell.control())).toList());
      study.emergence().get(block).ifPresent(point -> each.put("emergence", point));
      study.lead().get(block).ifPresent(steps -> each.put("lead", steps));
      blocks.add(each);
    }
    report.put("blocks", blocks);
    return report;
  }

  private static Map<String, Object> control(Optional<ProbeStudy.Control> control) {
    Map<String, Object> json = new LinkedHashMap<>();
    control.ifPresent(
        each -> {
          json.put("mean", each.mean());
          json.put("deviation", each.deviation());
          json.put("p", each.p());
        });
    return json;
  }

  private static Map<String, Object> json(Optional<Estimate> estimate) {
    Map<String, Object> json = new LinkedHashMap<>();
    estimate.ifPresent(
        each -> {
          json.put("value", each.value());
          each.interval()
              .ifPresent(
                  interval -> json.put("interval", List.of(interval.low(), interval.high())));
        });
    return json;
  }
}
