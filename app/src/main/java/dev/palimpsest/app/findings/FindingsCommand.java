package dev.palimpsest.app.findings;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Journal;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.intervention.Languages;
import dev.palimpsest.app.options.LladaSamplerOptions;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.ProblemOptions;
import dev.palimpsest.app.provenance.Revision;
import dev.palimpsest.app.terminal.Interruption;
import dev.palimpsest.app.terminal.ProgressBars;
import dev.palimpsest.app.trace.TraceOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.lab.study.Design;
import dev.palimpsest.lab.study.Experiment;
import dev.palimpsest.lab.study.Item;
import dev.palimpsest.lab.study.Question;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.step.AttentionPattern;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.JsonNode;

/** {@code findings}: an experiment over a file of problems, and the page about it. */
@Command(
    name = "findings",
    description = {
      "Measures when answers are committed and what moves them.",
      "Answers every problem, then again from canvases edited between two steps, and in loops of"
          + " sampling, paraphrasing and masking again. Writes items.jsonl.gz, three plots, and"
          + " README.md, in which only the parts between its marks are replaced. For LLaDA's"
          + " sampler with a fixed number of steps.",
      "Until all is measured, items.jsonl has what is: whatever ended the command, the same"
          + " command goes on. Items of other options are never replaced."
    },
    mixinStandardHelpOptions = true)
public final class FindingsCommand implements Callable<Integer> {
  private static final int ROUNDS = 5;
  private static final double SHARE = 0.3;

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions modelOptions;

  @Mixin private LladaSamplerOptions samplerOptions;

  @Mixin private ProblemOptions problemOptions;

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

  @Option(
      names = "--at",
      paramLabel = "STEP",
      split = ",",
      description =
          "The steps before which canvases are edited, from 0; of 48 steps 24,32,38,42,44,46,47 if"
              + " not given, of others as far along.")
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
    if (batch < 1) {
      throw wrong("--batch " + batch + " is invalid: use 1 or above");
    }
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
    Path problemsFile = ProblemOptions.file(file);
    Path journalFile = folder.resolve("items.jsonl");
    requireNoInput(problemsFile, List.of(items, journalFile));
    Pattern pattern = problemOptions.answerPattern();
    List<Problem> every = problemOptions.read(problemsFile);
    List<Problem> problems = problemOptions.first(every, every.size());
    try (LanguageModel language = modelOptions.load(samplerOptions.blocks())) {
      Model model = language.model();
      if (!(model.spec().attention().pattern() instanceof AttentionPattern.Full)) {
        throw wrong(
            "--model %s does not see its whole canvas at once: findings measures LLaDA's sampler, which needs that"
                .formatted(modelOptions.folder()));
      }
      List<Question> questions = new ArrayList<>();
      for (Problem problem : problems) {
        questions.add(
            new Question(questions.size(), model.prompt(problem.prompt()), problem.answer()));
      }
      int longest = questions.stream().mapToInt(each -> each.prompt().length).max().orElseThrow();
      Design design = design(samplerOptions.resolve(language, longest));
      Generator generator = language.generator();
      List<Run> runs =
          questions.stream().map(each -> generator.run(each.prompt(), design.options())).toList();
      TraceHeader header = TraceOptions.header(model, modelOptions, runs.getFirst());
      Experiment experiment =
          new Experiment(
              model.transformer(),
              Languages.of(model, language.specials()),
              pattern,
              design,
              header,
              (long) batch * (longest + design.options().genLength()));
      FindingsFile.RunFacts facts = facts(header, design, problemsFile, every, pattern);
      List<Item> found = List.of();
      if (Files.exists(items)) {
        FindingsFile before = FindingsFile.read(items);
        Journal.requireSame(
            items,
            Journal.json(before.run()),
            Journal.json(facts),
            FindingsFile.RunFacts.INCIDENTAL);
        found = before.items();
      }
      if (found.size() < questions.size()) {
        Files.createDirectories(folder);
        measure(experiment, questions, found, facts, journalFile, items);
      }
    }
  }

  /** Measures what is neither among the items nor in the journal, and packs all of it. */
  private void measure(
      Experiment experiment,
      List<Question> questions,
      List<Item> packed,
      FindingsFile.RunFacts facts,
      Path journalFile,
      Path items)
      throws IOException {
    NavigableMap<Integer, Item> found = new ConcurrentSkipListMap<>();
    packed.forEach(item -> found.put(item.problem(), item));
    try (Journal journal = Journal.open(journalFile, facts, FindingsFile.RunFacts.INCIDENTAL)) {
      int line = 1;
      for (JsonNode entry : journal.entries()) {
        Item item = FindingsFile.item(journalFile, ++line, entry);
        found.put(item.problem(), item);
      }
      List<Question> missing =
          questions.stream().filter(each -> !found.containsKey(each.number())).toList();
      try (ProgressBar bar =
              ProgressBars.start("Measuring", questions.size(), questions.size() - missing.size());
          Interruption _ =
              Interruption.then(
                  () ->
                      System.err.printf(
                          "%npalimpsest: %d of %d problems are measured and kept in %s; the same"
                              + " command goes on%n",
                          found.size(), questions.size(), folder))) {
        for (int first = 0; first < missing.size(); first += batch) {
          List<Question> some = missing.subList(first, Math.min(first + batch, missing.size()));
          for (Item item : experiment.measure(some)) {
            journal.add(item);
            found.put(item.problem(), item);
          }
          bar.stepBy(some.size());
        }
      }
      FindingsFile.RunFacts begun = FindingsFile.facts(journalFile, journal.head());
      FindingsFile.write(items, begun, List.copyOf(found.values()));
    }
    Files.delete(journalFile);
  }

  private void requireNoInput(Path problemsFile, List<Path> more) throws IOException {
    List<Path> inputs = new ArrayList<>(modelOptions.files());
    inputs.add(problemsFile);
    for (Path target : Stream.concat(FindingsPage.files(folder).stream(), more.stream()).toList()) {
      Replacement.requireNoInput(spec, "--to", target, inputs);
    }
  }

  private Design design(SamplingOptions options) {
    if (!(options instanceof LladaOptions llada)) {
      throw new IllegalStateException(options.samplerName() + " is another sampler");
    }
    int blocks = llada.blocks();
    try {
      return new Design(
          llada,
          at.isEmpty() ? Design.spread(llada.steps()) : at,
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

  private static FindingsFile.RunFacts facts(
      TraceHeader header, Design design, Path file, List<Problem> problems, Pattern pattern) {
    return new FindingsFile.RunFacts(
        FindingsFile.COMMAND,
        Instant.now().truncatedTo(ChronoUnit.MINUTES).toString(),
        Revision.of(),
        header.engine(),
        Map.of("name", header.model().name(), "sha256", header.model().sha256()),
        Map.of(
            "backend", header.machine().backend(),
            "device", header.machine().device(),
            "precision", header.machine().precision(),
            "arithmetic", header.machine().arithmetic().orElse("")),
        Runtime.version().toString(),
        header.sampler(),
        design.options().toMap(),
        String.valueOf(file.getFileName()),
        Problem.checksum(problems),
        pattern.pattern(),
        design.at(),
        design.roundSteps(),
        design.rounds(),
        design.share(),
        design.plainSteps());
  }

  private ParameterException wrong(String complaint) {
    return new ParameterException(spec.commandLine(), complaint);
  }
}
