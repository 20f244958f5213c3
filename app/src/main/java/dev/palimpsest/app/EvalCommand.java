package dev.palimpsest.app;

import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.Driver;
import dev.palimpsest.sampler.Generation;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.InvalidOptionException;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.SamplingOptions;
import dev.palimpsest.sampler.SnapshotListener;
import dev.palimpsest.sampler.SpecialTokens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code eval}: the share of problems whose final answer is exactly right. */
@Command(
    name = "eval",
    description = {
      "Measures exact answers on a file of problems.",
      "The file has one JSON object a line with \"prompt\" and \"answer\". A text is right if"
          + " the answer it gives is that one, character for character; --answer-pattern says where"
          + " a text gives it."
    },
    mixinStandardHelpOptions = true)
final class EvalCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SamplerOptions samplerOptions;

  @Mixin private SpecialTokenOptions specialTokenOptions;

  @Parameters(
      paramLabel = "FILE",
      arity = "0..1",
      description = "The problems; those held out from the bundled models if not given.")
  private Optional<Path> file;

  @Mixin private ProblemOptions problemOptions;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "32",
      description = "Problems that run at once; changes no result (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(names = "--json", description = "Print one JSON object, with every text.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (batch < 1) {
      throw new ParameterException(
          spec.commandLine(), "--batch " + batch + " is invalid: use 1 or above");
    }
    Pattern pattern = problemOptions.answerPattern();
    Path problemsFile = ProblemOptions.file(file);
    List<Problem> problems =
        problemOptions.first(problemOptions.read(problemsFile), Integer.MAX_VALUE);
    try (Model model = modelOptions.load(samplerOptions.blockLength())) {
      int longest =
          problems.stream()
              .mapToInt(each -> specialTokenOptions.ids(model, each.prompt()).length)
              .filter(length -> length < model.spec().maxLength())
              .max()
              .orElse(0);
      SamplingOptions options = samplerOptions.resolve(model, longest);
      long started = System.nanoTime();
      List<Outcome> outcomes = run(model, problems, options, pattern);
      print(model, problemsFile, options, outcomes, (System.nanoTime() - started) / 1e9);
    }
    return 0;
  }

  private List<Outcome> run(
      Model model, List<Problem> problems, SamplingOptions options, Pattern pattern) {
    ModelLimits limits = ModelLimits.of(model.spec());
    limits.requireFit(options);
    Generator generator =
        new Generator(
            model.transformer(), limits, SpecialTokens.of(model.spec(), model.endOfTurn()));
    Driver driver = new Driver(model.transformer());
    Deque<Running> running = new ArrayDeque<>();
    List<Outcome> outcomes = new ArrayList<>();
    List<InvalidOptionException> refusals = new ArrayList<>();
    int submitted = 0;
    try (ProgressBar bar = ProgressBars.start("Evaluating", problems.size())) {
      while (outcomes.size() < problems.size()) {
        while (running.size() < batch && submitted < problems.size()) {
          Problem problem = problems.get(submitted++);
          int[] prompt = specialTokenOptions.ids(model, problem.prompt());
          try {
            Driver.Ticket ticket =
                driver.submit(generator.run(prompt, options), SnapshotListener.NONE);
            running.add(new Running(problem, ticket));
          } catch (InvalidOptionException e) {
            refusals.add(e);
            outcomes.add(Outcome.refused(problem, String.valueOf(e.getMessage())));
            bar.step();
          }
        }
        driver.step();
        running.removeIf(
            each -> {
              Generation generation = each.ticket().generation();
              if (generation.complete()) {
                outcomes.add(outcome(model, each.problem(), generation, pattern));
                bar.step();
              }
              return generation.complete();
            });
      }
    }
    if (refusals.size() == problems.size()) {
      throw refusals.getFirst();
    }
    return outcomes;
  }

  private static Outcome outcome(
      Model model, Problem problem, Generation generation, Pattern pattern) {
    String text = model.tokenizer().decode(generation.tokens(), true);
    return new Outcome(
        problem,
        text,
        problem.isAnsweredBy(text, pattern),
        generation.promptLength(),
        generation.tokens(),
        generation.forwards(),
        Optional.empty());
  }

  private void print(
      Model model,
      Path problemsFile,
      SamplingOptions options,
      List<Outcome> outcomes,
      double seconds) {
    Map<Integer, List<Outcome>> bySteps = new TreeMap<>();
    for (Outcome outcome : outcomes) {
      outcome
          .problem()
          .steps()
          .ifPresent(steps -> bySteps.computeIfAbsent(steps, _ -> new ArrayList<>()).add(outcome));
    }
    long right = right(outcomes);
    tellOfRefused(outcomes);
    if (json) {
      Map<String, Object> report = new LinkedHashMap<>();
      report.put("model", modelOptions.folder().toString());
      report.put("backend", model.transformer().describeBackend());
      report.put("file", problemsFile.toString());
      report.put("sampler", options.samplerName());
      report.put("options", options.toMap());
      report.put("problems", outcomes.size());
      report.put("right", right);
      report.put("accuracy", (double) right / outcomes.size());
      Map<String, Double> accuracies = new LinkedHashMap<>();
      bySteps.forEach(
          (steps, some) ->
              accuracies.put(String.valueOf(steps), (double) right(some) / some.size()));
      report.put("accuracy_by_steps", accuracies);
      report.put("seconds", seconds);
      report.put("outcomes", outcomes.stream().map(Outcome::json).toList());
      System.out.println(Json.write(report));
      return;
    }
    System.out.printf(
        Locale.ROOT,
        "%d of %d answers right: %.1f %%%n",
        right,
        outcomes.size(),
        100.0 * right / outcomes.size());
    bySteps.forEach(
        (steps, some) ->
            System.out.printf(
                Locale.ROOT,
                "  %d steps: %d of %d, %.1f %%%n",
                steps,
                right(some),
                some.size(),
                100.0 * right(some) / some.size()));
    System.out.printf(
        Locale.ROOT,
        "%.1f s, %d problems at once, %s%n",
        seconds,
        Math.min(batch, outcomes.size()),
        model.transformer().describeBackend());
  }

  private static void tellOfRefused(List<Outcome> outcomes) {
    List<String> errors = outcomes.stream().flatMap(each -> each.error().stream()).toList();
    if (!errors.isEmpty()) {
      System.err.printf(
          "palimpsest: %d of %d problems could not be run and count as wrong; the first: %s%n",
          errors.size(), outcomes.size(), errors.getFirst());
    }
  }

  private static long right(List<Outcome> outcomes) {
    return outcomes.stream().filter(Outcome::right).count();
  }

  /** A problem that is being written about. */
  private record Running(Problem problem, Driver.Ticket ticket) {}

  /** What became of a problem. */
  private record Outcome(
      Problem problem,
      String text,
      boolean right,
      int promptTokens,
      int[] tokens,
      int forwards,
      Optional<String> error) {
    /** A problem that the model cannot take is not answered. */
    static Outcome refused(Problem problem, String why) {
      return new Outcome(problem, "", false, 0, new int[0], 0, Optional.of(why));
    }

    Map<String, Object> json() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("id", problem.id());
      fields.put("prompt", problem.prompt());
      fields.put("answer", problem.answer());
      fields.put("text", text);
      fields.put("right", right);
      fields.put("prompt_tokens", promptTokens);
      fields.put("tokens", tokens);
      fields.put("nfe", forwards);
      error.ifPresent(why -> fields.put("error", why));
      return fields;
    }
  }
}
