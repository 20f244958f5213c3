package dev.palimpsest.app.trace;

import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.app.options.AnswerOptions;
import dev.palimpsest.app.options.ProblemOptions;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.measure.AnswerHistory;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.lab.measure.Measures;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.trace.TextTrace;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.duckdb.DuckDBAppender;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code trace stats}: the order of writing, and what became of the answer. */
@Command(
    name = "stats",
    description = {
      "Measures traces: their order, and when the answer was there.",
      "How close to left-to-right they were written, and when the answer was there relative to"
          + " its reasoning: the means over the traces, with 95 %% intervals."
    },
    mixinStandardHelpOptions = true)
final class TraceStatsCommand implements Callable<Integer> {
  private static final int CURVE = 10;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PATH", arity = "1..*", description = "Trace files, or folders of them.")
  private List<Path> paths = List.of();

  @Mixin private AnswerOptions answerOptions;

  @Option(
      names = "--answer-at",
      paramLabel = "FIRST-LAST",
      converter = SlotConverter.class,
      description =
          "The answer is in this slot of a forced template: positions, counted from the end of the"
              + " prompt.")
  private Optional<SpanRule.Slot> answerSlot;

  @Option(
      names = "--reasoning-at",
      paramLabel = "FIRST-LAST",
      converter = SlotConverter.class,
      description = "And the reasoning in this one; all before the answer if not given.")
  private Optional<SpanRule.Slot> reasoningSlot;

  @Option(names = "--expect", paramLabel = "TEXT", description = "The right answer of every trace.")
  private Optional<String> expected;

  @Option(
      names = "--problems",
      paramLabel = "FILE",
      description =
          "Take the right answer from this file of problems, by the prompt; the bundled problems if"
              + " not given.")
  private Optional<Path> problemsFile;

  @Option(
      names = "--export",
      paramLabel = "FILE",
      description =
          "Also write a table, NAME.parquet or NAME.csv: a row a trace, a column a measure, empty"
              + " where a trace does not have it. Replaced if it exists.")
  private Optional<Path> export;

  @Option(names = "--json", description = "Print one JSON object, every trace in it.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    SpanRule rule = rule();
    List<Path> files = TraceFiles.among(paths);
    if (export.isPresent()) {
      ExportTable.requireKind(spec, "--export", export.get());
      List<Path> inputs = new ArrayList<>(files);
      problemsFile.ifPresent(inputs::add);
      Replacement.requireNoInput(spec, "--export", export.get(), inputs);
    }
    List<Problem> problems = problems();
    List<Measured> measured = new ArrayList<>();
    for (Path file : files) {
      Optional<Measured> found =
          TextTrace.isIn(file)
              ? measuredTexts(file, problems)
              : measuredTokens(file, rule, problems);
      found.ifPresentOrElse(
          measured::add, () -> Notices.say(file + " has no step, and is left out"));
    }
    noticeTexts(measured);
    if (measured.isEmpty()) {
      throw new ParameterException(spec.commandLine(), paths + " holds no trace with a step");
    }
    if (export.isPresent()) {
      export(measured, export.get());
    }
    if (json) {
      Map<String, Object> report = new LinkedHashMap<>();
      report.put("traces", measured.stream().map(Measured::json).toList());
      report.put("means", means(measured));
      System.out.println(Json.write(report));
    } else {
      print(measured);
    }
    return 0;
  }

  /** A row a trace: where it is, what it says, and every measure. */
  private static void export(List<Measured> measured, Path target) throws IOException {
    String columns =
        Measures.names().stream()
            .map(name -> "\"" + name + "\" DOUBLE")
            .collect(
                Collectors.joining(
                    ", ",
                    "id VARCHAR, file VARCHAR, steps INTEGER, expected VARCHAR, answer VARCHAR, ",
                    ""));
    try (ExportTable table = ExportTable.of(columns)) {
      DuckDBAppender rows = table.rows();
      for (Measured each : measured) {
        rows.beginRow();
        rows.append(TraceFolder.id(each.file()));
        rows.append(each.file().toString());
        rows.append(each.steps());
        append(rows, each.measures().expected());
        append(rows, each.measures().answer().map(AnswerHistory::last));
        for (String name : Measures.names()) {
          Double value = each.measures().values().get(name);
          if (value == null) {
            rows.appendNull();
          } else {
            rows.append(value.doubleValue());
          }
        }
        rows.endRow();
      }
      table.write(target);
    } catch (SQLException e) {
      throw new TraceException(target + ": the table cannot be made: " + e.getMessage(), e);
    }
  }

  private static void append(DuckDBAppender rows, Optional<String> text) throws SQLException {
    if (text.isPresent()) {
      rows.append(text.get());
    } else {
      rows.appendNull();
    }
  }

  private static void print(List<Measured> measured) {
    System.out.printf("%d trace%s%n", measured.size(), measured.size() == 1 ? "" : "s");
    if (measured.stream().anyMatch(each -> each.trace().isPresent())) {
      printOrder("order of the text", "", measured);
      printOrder("order of the whole canvas", Measures.CANVAS, measured);
    }
    System.out.printf("%-28s %8s %20s %5s%n", "other measures", "mean", "95 % interval", "n");
    for (String name : Measures.OTHERS) {
      estimate(measured, name)
          .ifPresent(each -> System.out.printf("%-28s %s%n", name, described(each)));
    }
    List<Estimate> curve = everPass(measured);
    for (int tenth = 1; tenth <= curve.size(); tenth++) {
      System.out.printf(
          "%-28s %s%n", "ever_pass@%d%%".formatted(10 * tenth), described(curve.get(tenth - 1)));
    }
  }

  private static void printOrder(String title, String where, List<Measured> measured) {
    System.out.printf("%-28s %8s %20s %5s %8s%n", title, "mean", "95 % interval", "n", "ties");
    for (String name : Measures.ORDER) {
      Optional<Estimate> found = estimate(measured, where + name);
      Optional<Estimate> ties = estimate(measured, where + name + Measures.TIES);
      if (found.isPresent() && ties.isPresent()) {
        System.out.printf(
            Locale.ROOT, "%-28s %s %8.4f%n", name, described(found.get()), ties.get().value());
      }
    }
  }

  /** The mean, the interval and the number of traces; a dash where there is no interval. */
  private static String described(Estimate estimate) {
    String interval =
        estimate
            .interval()
            .map(each -> String.format(Locale.ROOT, "[%.4f, %.4f]", each.low(), each.high()))
            .orElse("–");
    return String.format(Locale.ROOT, "%8.4f %20s %5d", estimate.value(), interval, estimate.n());
  }

  private SpanRule rule() {
    if (answerSlot.isEmpty()) {
      require(reasoningSlot.isEmpty(), "--reasoning-at needs --answer-at");
      return new SpanRule.Matching(answerOptions.pattern());
    }
    require(
        !answerOptions.isGiven(), "--answer-pattern and --answer-at exclude each other: use one");
    SpanRule.Slot answer = answerSlot.get();
    require(
        reasoningSlot.isPresent() || answer.first() > 0,
        "--answer-at " + answer.first() + " leaves no reasoning before it: give --reasoning-at");
    return new SpanRule.Forced(
        reasoningSlot.orElseGet(() -> new SpanRule.Slot(0, answer.first() - 1)), answer);
  }

  private void require(boolean holds, String complaint) {
    if (!holds) {
      throw new ParameterException(spec.commandLine(), complaint);
    }
  }

  private Optional<Measured> measuredTokens(Path file, SpanRule rule, List<Problem> problems) {
    Trace trace = Trace.readWhole(file);
    if (trace.steps() == 0) {
      return Optional.empty();
    }
    String prompt = TextTrace.of(trace).source().prompt().orElse("");
    try {
      return Optional.of(
          new Measured(
              file,
              trace.steps(),
              Measures.of(trace, rule, expected(prompt, problems)),
              Optional.of(trace)));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), trace.name() + ": " + e.getMessage(), e);
    }
  }

  private Optional<Measured> measuredTexts(Path file, List<Problem> problems) {
    require(
        answerSlot.isEmpty(),
        "--answer-at names positions, and " + file + " is a trace of texts, which has none");
    TextTrace trace = TextTrace.readWhole(file);
    if (trace.frames().isEmpty()) {
      return Optional.empty();
    }
    Optional<String> right = expected(trace.source().prompt().orElse(""), problems);
    return Optional.of(
        new Measured(
            file,
            trace.frames().size(),
            Measures.of(trace, answerOptions.pattern(), right),
            Optional.empty()));
  }

  private static void noticeTexts(List<Measured> measured) {
    long texts = measured.stream().filter(each -> each.trace().isEmpty()).count();
    if (texts > 0) {
      Notices.say(
          "%d of %d traces have texts and no tokens: they have no %s"
              .formatted(texts, measured.size(), String.join(", ", Measures.ofTokens())));
    }
  }

  /** {@code 40-47}. */
  private static final class SlotConverter implements ITypeConverter<SpanRule.Slot> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,9})-(\\d{1,9})");

    @Override
    public SpanRule.Slot convert(String value) {
      Matcher matcher = FORM.matcher(value);
      if (!matcher.matches()) {
        throw new TypeConversionException("'" + value + "' is no slot: use FIRST-LAST, as 40-47");
      }
      try {
        return new SpanRule.Slot(
            Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  private List<Problem> problems() throws IOException {
    if (expected.isPresent()) {
      return List.of();
    }
    return Problem.read(ProblemOptions.file(problemsFile));
  }

  private Optional<String> expected(String prompt, List<Problem> problems) {
    if (expected.isPresent()) {
      return expected;
    }
    return problems.stream()
        .filter(problem -> prompt.contains(problem.prompt()))
        .findFirst()
        .map(Problem::answer);
  }

  private static Map<String, Object> means(List<Measured> all) {
    Map<String, Object> means = new LinkedHashMap<>();
    for (String name : Measures.names()) {
      estimate(all, name).ifPresent(value -> means.put(name, json(value)));
    }
    List<Estimate> curve = everPass(all);
    if (!curve.isEmpty()) {
      means.put("ever_pass_by_tenth", curve.stream().map(TraceStatsCommand::json).toList());
    }
    return means;
  }

  private static Map<String, Object> json(Estimate estimate) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("mean", estimate.value());
    fields.put("n", estimate.n());
    estimate
        .interval()
        .ifPresent(
            interval -> {
              fields.put("low", interval.low());
              fields.put("high", interval.high());
            });
    return fields;
  }

  private static Optional<Estimate> estimate(List<Measured> all, String name) {
    return Measures.estimate(all.stream().map(Measured::measures).toList(), name);
  }

  /** The share of traces with an estimate that was right, up to each tenth of their steps. */
  private static List<Estimate> everPass(List<Measured> all) {
    List<Measured> known =
        all.stream().filter(each -> each.measures().expected().isPresent()).toList();
    List<Estimate> curve = new ArrayList<>();
    for (int tenth = 1; tenth <= CURVE && !known.isEmpty(); tenth++) {
      int part = tenth;
      curve.add(
          Estimate.share(
              (int) known.stream().filter(each -> each.everRight(part)).count(), known.size()));
    }
    return curve;
  }

  /**
   * A trace and what was measured on it.
   *
   * @param trace of tokens; empty if it is one of texts
   */
  private record Measured(Path file, int steps, Measures measures, Optional<Trace> trace) {

    /** Whether an estimate of its first so many tenths of steps had the right answer. */
    boolean everRight(int tenths) {
      return measures
          .answer()
          .map(found -> found.everRight(steps * tenths / CURVE - 1))
          .orElse(false);
    }

    Map<String, Object> json() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("trace", file.toString());
      fields.put("steps", steps);
      fields.putAll(measures.values());
      measures.expected().ifPresent(right -> fields.put("expected", right));
      measures
          .answer()
          .ifPresent(
              found -> {
                fields.put("answer", found.last());
                fields.put("estimates", found.estimates().stream().map(e -> e.orElse("")).toList());
              });
      trace.ifPresent(
          tokens -> {
            fields.put("commit_steps", Arrays.stream(CommitSteps.of(tokens)).boxed().toList());
            fields.put(
                "vanished",
                CommitSteps.vanished(tokens).stream().map(each -> json(each, tokens)).toList());
          });
      return fields;
    }

    private static Map<String, Object> json(CommitSteps.Vanished each, Trace trace) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("position", each.position() - trace.last().promptLength());
      fields.put("token", each.token());
      fields.put("text", trace.piece(each.token()));
      fields.put("from", each.from());
      fields.put("to", each.to());
      return fields;
    }
  }
}
