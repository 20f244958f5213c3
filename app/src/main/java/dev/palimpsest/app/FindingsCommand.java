package dev.palimpsest.app;

import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.GenerateOptions;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.Run;
import dev.palimpsest.sampler.SamplingOptions;
import dev.palimpsest.sampler.SpecialTokens;
import dev.palimpsest.sampler.study.Design;
import dev.palimpsest.sampler.study.Experiment;
import dev.palimpsest.sampler.study.Question;
import dev.palimpsest.sampler.trace.TraceHeader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code findings}: an experiment over a file of problems, and the page about it. */
@Command(
    name = "findings",
    description = {
      "Measures when answers are committed and what moves them.",
      "Answers every problem, then again from canvases edited between two steps, and in loops of"
          + " sampling, paraphrasing and masking again. Writes items.jsonl.gz, three plots, and"
          + " README.md, in which only the parts between its marks are replaced. For LLaDA's"
          + " sampler with a fixed number of steps."
    },
    mixinStandardHelpOptions = true)
final class FindingsCommand implements Callable<Integer> {
  private static final int ROUNDS = 5;
  private static final double SHARE = 0.3;

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SamplerOptions samplerOptions;

  @Option(
      names = "--to",
      paramLabel = "FOLDER",
      defaultValue = "findings",
      description = "Where the files go (default: ${DEFAULT-VALUE}).")
  private Path folder = Path.of("findings");

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "The problems; those held out from the bundled models if not given.")
  private Optional<Path> file;

  @Option(names = "--limit", paramLabel = "N", description = "Only the first N problems.")
  private Optional<Integer> limit;

  @Option(
      names = "--at",
      paramLabel = "STEP",
      split = ",",
      defaultValue = "24,32,38,42,44,46,47",
      description = "The steps before which canvases are edited (default: ${DEFAULT-VALUE}).")
  private List<Integer> at = List.of();

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "32",
      description = "Generations that run at once; changes no result (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--page-only",
      description = "Write the page and the plots again from the folder's items.jsonl.gz.")
  private boolean pageOnly;

  @Override
  public Integer call() throws IOException {
    requirePositive("--batch", batch);
    limit.ifPresent(value -> requirePositive("--limit", value));
    Path items = folder.resolve("items.jsonl.gz");
    if (!pageOnly) {
      measure(items);
    }
    for (Path written : FindingsPage.write(folder, FindingsFile.read(items))) {
      System.out.println(written);
    }
    return 0;
  }

  private void measure(Path items) throws IOException {
    Path problemsFile =
        file.orElseGet(() -> Main.home().resolve("models").resolve("abacus").resolve("eval.jsonl"));
    List<Problem> every = Problem.read(problemsFile);
    List<Problem> problems = every.subList(0, Math.min(limit.orElse(every.size()), every.size()));
    try (Model model = modelOptions.load(samplerOptions.blockLength())) {
      List<Question> questions = new ArrayList<>();
      for (Problem problem : problems) {
        questions.add(
            new Question(questions.size(), model.prompt(problem.prompt()), problem.answer()));
      }
      int longest = questions.stream().mapToInt(each -> each.prompt().length).max().orElseThrow();
      Design design = design(samplerOptions.resolve(model, longest));
      SpecialTokens specials = SpecialTokens.of(model.spec(), model.endOfTurn());
      Generator generator =
          new Generator(model.transformer(), ModelLimits.of(model.spec()), specials);
      List<Run> runs =
          questions.stream().map(each -> generator.run(each.prompt(), design.options())).toList();
      TraceHeader header = TraceOptions.header(model, modelOptions, runs.getFirst());
      Experiment experiment =
          new Experiment(
              model.transformer(),
              Languages.of(model, specials),
              design,
              header,
              (long) batch * (longest + design.options().genLength()));
      Files.createDirectories(folder);
      try (FindingsFile.Writer writer =
              new FindingsFile.Writer(items, facts(header, design, problemsFile));
          ProgressBar bar = ProgressBars.start("Measuring", questions.size())) {
        for (int first = 0; first < questions.size(); first += batch) {
          List<Question> some = questions.subList(first, Math.min(first + batch, questions.size()));
          writer.add(experiment.measure(some));
          bar.stepBy(some.size());
        }
      }
    }
  }

  private Design design(SamplingOptions options) {
    if (!(options instanceof GenerateOptions llada)) {
      throw new ParameterException(
          spec.commandLine(),
          "--sampler " + options.samplerName() + " is not what findings measures: use llada");
    }
    int blocks = llada.blocks();
    try {
      return new Design(
          llada,
          at,
          inBlocks(llada.steps() / 8, blocks),
          ROUNDS,
          SHARE,
          List.of(inBlocks(llada.steps() / 4, blocks), inBlocks(llada.steps() / 2, blocks)));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), "--at: " + e.getMessage(), e);
    }
  }

  /** The closest number of steps, from below, that the blocks share evenly; one each at least. */
  private static int inBlocks(int steps, int blocks) {
    return Math.max(1, steps / blocks) * blocks;
  }

  private static FindingsFile.RunFacts facts(TraceHeader header, Design design, Path problems) {
    return new FindingsFile.RunFacts(
        Instant.now().truncatedTo(ChronoUnit.MINUTES).toString(),
        Revision.of(),
        header.engine(),
        Map.of("name", header.model().name(), "sha256", header.model().sha256()),
        Map.of(
            "backend", header.machine().backend(),
            "device", header.machine().device(),
            "precision", header.machine().precision()),
        Runtime.version().toString(),
        header.sampler(),
        design.options().toMap(),
        String.valueOf(problems.getFileName()),
        design.at(),
        design.roundSteps(),
        design.rounds(),
        design.share(),
        design.plainSteps());
  }

  private void requirePositive(String option, int value) {
    if (value < 1) {
      throw new ParameterException(
          spec.commandLine(), option + " " + value + " is invalid: use 1 or above");
    }
  }
}
