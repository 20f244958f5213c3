package dev.palimpsest.app.lens;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.AnswerOptions;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.terminal.LateProgress;
import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.lens.LensStatistics;
import dev.palimpsest.lab.lens.LensStep;
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
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code lens}: what the blocks of a model had of a text before it was written. */
@Command(
    name = "lens",
    description = {
      "Reads every block of every step of a trace with a logit lens.",
      "Each step is computed again from its canvas; the last norm and the head are put on the"
          + " residual stream after every block, at the positions of the text that were masked."
          + " Prints when the final tokens first led, and when the answer did, against when they"
          + " were written. docs/measures.md defines the numbers."
    },
    mixinStandardHelpOptions = true)
public final class LensCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "TRACE", description = "A trace file.")
  private Path file;

  @Option(
      names = "--to",
      paramLabel = "FILE",
      description = "Also write a page for the browser: a heat map of every block.")
  private Optional<Path> target;

  @Mixin private AnswerOptions answerOptions;

  @Mixin private ModelOptions modelOptions;

  @Option(names = "--json", description = "Print one JSON object, every position in it.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    SpanRule rule = new SpanRule.Matching(answerOptions.pattern());
    if (target.isPresent()) {
      List<Path> inputs = new ArrayList<>(modelOptions.files());
      inputs.add(file);
      Replacement.requireNoInput(spec, "--to", target.get(), inputs);
    }
    Trace trace = Trace.readWhole(file);
    trace.requireOwnSteps("a lens would not read what wrote the text");
    List<LensStep> steps;
    int blocks;
    try (LanguageModel language = modelOptions.load(trace);
        LateProgress progress = new LateProgress("Reading", trace.steps())) {
      blocks = language.model().spec().layers();
      steps = LensReader.read(trace, language.model().transformer(), progress::step);
    }
    if (steps.isEmpty()) {
      throw new TraceException(
          "%s holds no token that a step wrote before the end of its text: a lens has nothing to read."
              .formatted(file));
    }
    LensStatistics statistics = LensStatistics.of(trace, steps, blocks, rule);
    if (target.isPresent()) {
      Replacement.write(target.get(), LensPage.of(trace, steps, statistics, rule));
    }
    if (json) {
      System.out.println(Json.write(report(trace, statistics)));
    } else {
      print(trace, statistics);
      target.ifPresent(System.out::println);
    }
    return 0;
  }

  private void print(Trace trace, LensStatistics statistics) {
    System.out.printf(
        Locale.ROOT,
        "%d tokens of the text, %d steps, %d blocks%n",
        statistics.positions().size(),
        trace.steps(),
        statistics.blocks().size());
    System.out.printf(
        "%5s %6s %7s %7s %7s %7s %8s %7s %7s%n",
        "block", "led", "first", "lead", "agrees", "p", "entropy", "answer", "lead");
    for (int block = 0; block < statistics.blocks().size(); block++) {
      LensStatistics.Block each = statistics.blocks().get(block);
      System.out.printf(
          Locale.ROOT,
          "%5d %6.3f %7s %7s %7s %7s %8s %7s %7s%n",
          block,
          each.led(),
          shown(each.firstLead(), 2),
          shown(each.lead(), 2),
          shown(each.agrees(), 3),
          shown(each.probability(), 3),
          shown(each.entropy(), 3),
          shown(each.answerFirst()),
          shown(each.answerLead()));
    }
    statistics
        .depth()
        .ifPresent(
            depth ->
                System.out.printf(
                    Locale.ROOT, "tokens led from block %.2f on when they were written%n", depth));
    statistics
        .answerCommitted()
        .ifPresent(step -> System.out.printf("the answer was committed in step %d%n", step));
  }

  private static String shown(OptionalDouble value, int digits) {
    return value.isPresent()
        ? String.format(Locale.ROOT, "%." + digits + "f", value.getAsDouble())
        : "-";
  }

  private static String shown(OptionalInt value) {
    return value.isPresent() ? String.valueOf(value.getAsInt()) : "-";
  }

  private Map<String, Object> report(Trace trace, LensStatistics statistics) {
    int prompt = trace.last().promptLength();
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("trace", file.toString());
    report.put("model", modelOptions.folder().toString());
    report.put("steps", trace.steps());
    put(report, "depth", statistics.depth());
    put(report, "answer_committed", statistics.answerCommitted());
    List<Map<String, Object>> blocks = new ArrayList<>();
    for (LensStatistics.Block each : statistics.blocks()) {
      Map<String, Object> block = new LinkedHashMap<>();
      block.put("led", each.led());
      put(block, "first_lead", each.firstLead());
      put(block, "lead", each.lead());
      put(block, "agrees", each.agrees());
      put(block, "probability", each.probability());
      put(block, "entropy", each.entropy());
      put(block, "answer_first", each.answerFirst());
      put(block, "answer_lead", each.answerLead());
      blocks.add(block);
    }
    report.put("blocks", blocks);
    List<Map<String, Object>> positions = new ArrayList<>();
    for (LensStatistics.Position each : statistics.positions()) {
      Map<String, Object> position = new LinkedHashMap<>();
      position.put("position", each.position() - prompt);
      position.put("token", trace.piece(trace.last().id(each.position())));
      position.put("commit_step", each.commitStep());
      position.put("first_lead", each.firstLead());
      put(position, "depth", each.depth());
      positions.add(position);
    }
    report.put("positions", positions);
    return report;
  }

  private static void put(Map<String, Object> report, String name, OptionalDouble value) {
    value.ifPresent(number -> report.put(name, number));
  }

  private static void put(Map<String, Object> report, String name, OptionalInt value) {
    value.ifPresent(number -> report.put(name, number));
  }
}
