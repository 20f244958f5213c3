package dev.palimpsest.app;

import dev.palimpsest.sampler.statistics.AnswerStatistics;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.statistics.OrderStatistics;
import dev.palimpsest.sampler.statistics.SpanRule;
import dev.palimpsest.sampler.statistics.Spans;
import dev.palimpsest.sampler.trace.Trace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
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
          + " its reasoning. Of several traces the means are shown."
    },
    mixinStandardHelpOptions = true)
final class TraceStatsCommand implements Callable<Integer> {
  private static final int[] LOCALITIES = {1, 2, 4, 8};
  private static final int CURVE = 10;

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PATH", arity = "1..*", description = "Trace files, or folders of them.")
  private List<Path> paths = List.of();

  @Option(
      names = "--answer-pattern",
      paramLabel = "REGEX",
      description = "Finds the answer; its one group is the answer. Default: Answer:\\s*(\\S+)")
  private Optional<Pattern> pattern;

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

  @Option(names = "--json", description = "Print one JSON object, every trace in it.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    SpanRule rule = rule();
    List<Problem> problems = problems();
    List<Measured> measured = new ArrayList<>();
    for (Path file : files(paths)) {
      Trace trace = Trace.readWhole(file);
      if (trace.steps() > 0) {
        measured.add(measured(trace, rule, problems));
      }
    }
    if (measured.isEmpty()) {
      throw new ParameterException(spec.commandLine(), paths + " holds no trace with a step");
    }
    Map<String, Object> means = means(measured);
    if (json) {
      Map<String, Object> report = new LinkedHashMap<>();
      report.put("traces", measured.stream().map(Measured::json).toList());
      report.put("means", means);
      System.out.println(Json.write(report));
      return 0;
    }
    System.out.printf("%d trace%s%n", measured.size(), measured.size() == 1 ? "" : "s");
    means.forEach(
        (name, value) ->
            System.out.printf(
                "%-28s %s%n",
                name,
                value instanceof Double number
                    ? String.format(Locale.ROOT, "%.4f", number)
                    : value.toString()));
    return 0;
  }

  private SpanRule rule() {
    if (answerSlot.isEmpty()) {
      require(reasoningSlot.isEmpty(), "--reasoning-at needs --answer-at");
      Pattern chosen = pattern.orElse(Spans.ANSWER);
      int groups = chosen.matcher("").groupCount();
      require(
          groups == 1,
          "--answer-pattern %s has %d groups: use exactly one, around the answer"
              .formatted(chosen, groups));
      return new SpanRule.Matching(chosen);
    }
    require(pattern.isEmpty(), "--answer-pattern and --answer-at exclude each other: use one");
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

  private Measured measured(Trace trace, SpanRule rule, List<Problem> problems) {
    try {
      return Measured.of(trace, rule, expected(trace, problems));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), trace.name() + ": " + e.getMessage(), e);
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

  /** The traces among files and in folders, in the order of their names. */
  static List<Path> files(List<Path> paths) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        try (Stream<Path> inside = Files.list(path)) {
          inside.filter(TraceStatsCommand::isTrace).sorted().forEach(files::add);
        }
      } else {
        files.add(path);
      }
    }
    return files;
  }

  private static boolean isTrace(Path file) {
    String name = file.getFileName().toString();
    return name.endsWith(".trace.jsonl") || name.endsWith(".trace.jsonl.zst");
  }

  private List<Problem> problems() throws IOException {
    if (expected.isPresent()) {
      return List.of();
    }
    return Problem.read(
        problemsFile.orElseGet(
            () -> Main.home().resolve("models").resolve("abacus").resolve("eval.jsonl")));
  }

  private Optional<String> expected(Trace trace, List<Problem> problems) {
    if (expected.isPresent()) {
      return expected;
    }
    StringBuilder prompt = new StringBuilder();
    for (int position = 0; position < trace.last().promptLength(); position++) {
      prompt.append(trace.piece(trace.last().id(position)));
    }
    String text = prompt.toString();
    return problems.stream()
        .filter(problem -> text.contains(problem.prompt()))
        .findFirst()
        .map(Problem::answer);
  }

  private static Map<String, Object> means(List<Measured> all) {
    Map<String, Object> means = new LinkedHashMap<>();
    for (String name : all.getFirst().order().keySet()) {
      mean(all, each -> each.order().getOrDefault(name, OptionalDouble.empty()))
          .ifPresent(value -> means.put(name, value));
    }
    for (String name : Measured.ANSWER_NAMES) {
      mean(all, each -> each.answer(name)).ifPresent(value -> means.put(name, value));
    }
    List<Double> curve = everPass(all);
    if (!curve.isEmpty()) {
      means.put("ever_pass_by_tenth", curve);
    }
    return means;
  }

  /** The share of traces with an estimate that was right, up to each tenth of their steps. */
  private static List<Double> everPass(List<Measured> all) {
    List<Measured> known = all.stream().filter(each -> each.expected().isPresent()).toList();
    List<Double> curve = new ArrayList<>();
    for (int tenth = 1; tenth <= CURVE && !known.isEmpty(); tenth++) {
      int part = tenth;
      curve.add(
          (double)
                  known.stream()
                      .filter(
                          each ->
                              each.answers()
                                  .map(a -> a.everRight(each.steps() * part / CURVE - 1))
                                  .orElse(false))
                      .count()
              / known.size());
    }
    return curve;
  }

  private static Optional<Double> mean(
      List<Measured> all, Function<Measured, OptionalDouble> value) {
    OptionalDouble mean = all.stream().map(value).flatMapToDouble(OptionalDouble::stream).average();
    return mean.isPresent() ? Optional.of(mean.getAsDouble()) : Optional.empty();
  }

  /** The measures of one trace. */
  private record Measured(
      String name,
      int steps,
      Map<String, OptionalDouble> order,
      Optional<AnswerStatistics> answers,
      Optional<String> expected,
      List<Map<String, Object>> vanished,
      int[] commitSteps) {
    static final List<String> ANSWER_NAMES =
        List.of(
            "right",
            "first_hit",
            "first_right",
            "answer_committed",
            "answer_last_changed",
            "answer_committed_share",
            "reasoning_median_step",
            "reasoning_committed_share",
            "answer_flips",
            "temporal_entropy",
            "vanished_tokens");

    static Measured of(Trace trace, SpanRule rule, Optional<String> expected) {
      int[] steps = CommitSteps.of(trace);
      OrderStatistics order = OrderStatistics.of(steps);
      Map<String, OptionalDouble> measures = new LinkedHashMap<>();
      for (int k : LOCALITIES) {
        measures.put("ntp_set@" + k, OptionalDouble.of(order.ntpSet(k)));
      }
      for (int k : LOCALITIES) {
        measures.put("ntp_ord@" + k, order.ntpOrdered(k));
      }
      for (int k : LOCALITIES) {
        measures.put("fms@" + k, OptionalDouble.of(order.fms(k)));
      }
      measures.put("adj_concord", order.adjacentConcordance());
      measures.put("pair_concord", order.pairConcordance());
      measures.put("tie_fraction", order.tieFraction());
      return new Measured(
          trace.name(),
          trace.steps(),
          measures,
          AnswerStatistics.of(trace, rule, expected),
          expected,
          CommitSteps.vanished(trace).stream().map(each -> vanished(trace, each)).toList(),
          steps);
    }

    private static Map<String, Object> vanished(Trace trace, CommitSteps.Vanished each) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("position", each.position() - trace.last().promptLength());
      fields.put("token", each.token());
      fields.put("text", trace.piece(each.token()));
      fields.put("from", each.from());
      fields.put("to", each.to());
      return fields;
    }

    OptionalDouble answer(String measure) {
      if (measure.equals("vanished_tokens")) {
        return OptionalDouble.of(vanished.size());
      }
      if (measure.equals("right")) {
        return expected
            .map(right -> OptionalDouble.of(isRight(right) ? 1 : 0))
            .orElse(OptionalDouble.empty());
      }
      return answers
          .map(
              found ->
                  switch (measure) {
                    case "first_hit" -> number(found.firstHit());
                    case "first_right" -> number(found.firstRight());
                    case "answer_committed" -> OptionalDouble.of(found.answerCommitted());
                    case "answer_last_changed" -> OptionalDouble.of(found.lastChanged());
                    case "answer_committed_share" ->
                        OptionalDouble.of((found.answerCommitted() + 1.0) / steps);
                    case "reasoning_median_step" -> found.medianReasoningStep();
                    case "reasoning_committed_share" -> found.reasoningCommitted();
                    case "answer_flips" -> OptionalDouble.of(found.flips());
                    case "temporal_entropy" -> found.temporalEntropy();
                    default -> throw new IllegalArgumentException(measure);
                  })
          .orElse(OptionalDouble.empty());
    }

    private boolean isRight(String right) {
      return answers.map(found -> found.spans().answer().equals(right)).orElse(false);
    }

    private static OptionalDouble number(OptionalInt value) {
      return value.isPresent() ? OptionalDouble.of(value.getAsInt()) : OptionalDouble.empty();
    }

    Map<String, Object> json() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("trace", name);
      fields.put("steps", steps);
      order.forEach((measure, value) -> value.ifPresent(number -> fields.put(measure, number)));
      for (String measure : ANSWER_NAMES) {
        answer(measure).ifPresent(number -> fields.put(measure, number));
      }
      expected.ifPresent(right -> fields.put("expected", right));
      answers.ifPresent(
          found -> {
            fields.put("answer", found.spans().answer());
            fields.put("estimates", found.estimates().stream().map(e -> e.orElse("")).toList());
          });
      fields.put("commit_steps", Arrays.stream(commitSteps).boxed().toList());
      fields.put("vanished", vanished);
      return fields;
    }
  }
}
