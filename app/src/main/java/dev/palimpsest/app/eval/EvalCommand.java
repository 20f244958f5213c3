package dev.palimpsest.app.eval;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Journal;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.ProblemOptions;
import dev.palimpsest.app.options.SamplerOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.Interruption;
import dev.palimpsest.app.terminal.ProgressBars;
import dev.palimpsest.app.trace.TraceFolder;
import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.TraceHeader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import me.tongfei.progressbar.ProgressBar;
import org.jspecify.annotations.Nullable;
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
          + " a text gives it. Accuracy has Wilson's 95 %% interval; forwards (NFE) and tokens are"
          + " sums over the problems, and TPF is tokens before the end of text over forwards.",
      "Ctrl-C reports what is finished, keeps it, and says how to go on."
    },
    mixinStandardHelpOptions = true)
public final class EvalCommand implements Callable<Integer> {
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

  @Option(
      names = "--outcomes",
      paramLabel = "FILE",
      description =
          "Keep every outcome in FILE as soon as it is there, a JSON object a line. With a FILE of"
              + " the same model and options, go on with the problems that it lacks. Not given, a"
              + " file is written on Ctrl-C alone.")
  private Optional<Path> outcomesFile;

  @Mixin private TraceFolder traces;

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
    List<Path> inputs = new ArrayList<>(modelOptions.files());
    inputs.add(problemsFile);
    if (outcomesFile.isPresent()) {
      Replacement.requireNoInput(spec, "--outcomes", outcomesFile.get(), inputs);
      inputs.add(outcomesFile.get());
    }
    traces.prepare(problems, inputs);
    try (LanguageModel language = modelOptions.load(samplerOptions.blocks())) {
      Model model = language.model();
      List<int[]> prompts =
          problems.stream().map(each -> specialTokenOptions.ids(model, each.prompt())).toList();
      int longest =
          prompts.stream()
              .mapToInt(each -> each.length)
              .filter(length -> length < model.spec().maxLength())
              .max()
              .orElse(0);
      SamplingOptions options = samplerOptions.resolve(language, longest);
      language.limits().requireFit(options);
      Generator generator = language.generator(traces.denoiser(model));
      long started = System.nanoTime();
      try (Evaluation evaluation =
          new Evaluation(problems, facts(model, options), outcomesFile, pattern)) {
        Work work = new Work(model, generator, options, problems, prompts, pattern, evaluation);
        LastPrint print = () -> print(model, problemsFile, options, evaluation.report(), started);
        try (Interruption _ = Interruption.then(() -> interrupted(evaluation, print))) {
          run(work);
        }
        print.print();
      }
    }
    return 0;
  }

  /** What the texts depend on. */
  private Map<String, Object> facts(Model model, SamplingOptions options) {
    TraceHeader.ModelIdentity identity = ModelFiles.identity(modelOptions.folder());
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put(Journal.COMMAND, "eval");
    facts.put("engine", Cli.VERSION);
    facts.put("model", identity.sha256());
    facts.put("tokenizer", identity.tokenizerSha256());
    facts.put("arithmetic", model.transformer().arithmetic());
    facts.put("sampler", options.samplerName());
    facts.put("options", options.toMap());
    facts.put("parse_special", specialTokenOptions.parsesSpecial());
    return facts;
  }

  private void interrupted(Evaluation evaluation, LastPrint print) throws IOException {
    EvalReport report = evaluation.report();
    System.err.println();
    if (report.outcomes().isEmpty()) {
      System.err.println("palimpsest: interrupted before the first problem was finished");
      return;
    }
    Path kept =
        outcomesFile.orElse(Path.of("eval-%d.jsonl".formatted(ProcessHandle.current().pid())));
    if (outcomesFile.isEmpty()) {
      evaluation.keep(kept);
    }
    print.print();
    System.err.printf(
        "palimpsest: %d of %d problems are finished and kept in %s; the same command with"
            + " --outcomes %s goes on%n",
        report.outcomes().size(), report.problems().size(), kept, kept);
  }

  /** All that a run over the problems needs. */
  private record Work(
      Model model,
      Generator generator,
      SamplingOptions options,
      List<Problem> problems,
      List<int[]> prompts,
      Pattern pattern,
      Evaluation evaluation) {}

  private void run(Work work) throws IOException {
    List<Integer> waiting = new ArrayList<>();
    for (int number = 0; number < work.problems().size(); number++) {
      if (!work.evaluation().isFinished(number) || !traces.has(work.problems().get(number).id())) {
        waiting.add(number);
      }
    }
    try (ProgressBar bar =
        ProgressBars.start(
            "Evaluating", work.problems().size(), work.problems().size() - waiting.size())) {
      Iterator<Integer> numbers = waiting.iterator();
      Asking asking = new Asking(work, numbers, bar);
      new Driver(traces.denoiser(work.model()))
          .run(
              asking,
              batch,
              (asked, generation) -> {
                asked.listener().end(generation);
                String text = work.model().tokenizer().decode(generation.tokens(), true);
                Problem problem = work.problems().get(asked.problem());
                work.evaluation()
                    .add(
                        EvalOutcome.of(asked.problem(), problem, generation, text, work.pattern()));
                bar.step();
              });
      asking.requireOneThatCouldBeRun();
    }
  }

  /** A problem that is being written about. */
  private record Asked(int problem, Run run, TraceFolder.Recording listener) implements Request {}

  /** The problems that are to be asked; those that the model cannot take are kept as wrong. */
  private final class Asking implements Iterator<Asked> {
    private final Work work;
    private final Iterator<Integer> numbers;
    private final ProgressBar bar;
    private Optional<Asked> next = Optional.empty();
    private @Nullable InvalidOptionException refusal;
    private int refused;

    Asking(Work work, Iterator<Integer> numbers, ProgressBar bar) {
      this.work = work;
      this.numbers = numbers;
      this.bar = bar;
    }

    @Override
    public boolean hasNext() {
      while (next.isEmpty() && numbers.hasNext()) {
        int number = numbers.next();
        try {
          next = Optional.of(ask(number));
        } catch (InvalidOptionException e) {
          refusal = e;
          refused++;
          refuse(number, e.message(SamplerOptions::dashed));
        }
      }
      return next.isPresent();
    }

    @Override
    public Asked next() {
      if (!hasNext()) {
        throw new NoSuchElementException("every problem has been asked");
      }
      Asked asked = next.orElseThrow();
      next = Optional.empty();
      return asked;
    }

    private Asked ask(int number) {
      Run run = work.generator().run(work.prompts().get(number), work.options());
      return new Asked(
          number,
          run,
          traces.begin(work.model(), modelOptions, work.problems().get(number).id(), run));
    }

    private void refuse(int number, String why) {
      try {
        work.evaluation().add(EvalOutcome.refused(number, work.problems().get(number), why));
      } catch (IOException e) {
        throw new UncheckedIOException(String.valueOf(e.getMessage()), e);
      }
      bar.step();
    }

    void requireOneThatCouldBeRun() {
      if (refusal != null && refused == work.problems().size()) {
        throw refusal;
      }
    }
  }

  private void print(
      Model model, Path problemsFile, SamplingOptions options, EvalReport report, long started) {
    double seconds = (System.nanoTime() - started) / 1e9;
    tellOfRefused(report);
    if (json) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("model", modelOptions.folder().toString());
      fields.put("backend", model.transformer().describeBackend());
      fields.put("file", problemsFile.toString());
      fields.put("sampler", options.samplerName());
      fields.put("options", options.toMap());
      fields.putAll(report.json());
      fields.put("seconds", seconds);
      fields.put("outcomes", report.outcomes());
      System.out.println(Json.write(fields));
    } else {
      System.out.print(report.text());
      System.out.printf(
          Locale.ROOT,
          "%.1f s, %d problems at once, %s%n",
          seconds,
          Math.min(batch, report.problems().size()),
          model.transformer().describeBackend());
    }
  }

  private static void tellOfRefused(EvalReport report) {
    List<String> errors =
        report.outcomes().stream().flatMap(each -> each.error().stream()).toList();
    if (!errors.isEmpty()) {
      System.err.printf(
          "palimpsest: %d of %d problems could not be run and count as wrong; the first: %s%n",
          errors.size(), report.outcomes().size(), errors.getFirst());
    }
  }

  /** Prints what is finished. */
  private interface LastPrint {
    void print();
  }
}
