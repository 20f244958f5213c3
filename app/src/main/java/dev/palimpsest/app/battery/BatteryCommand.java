package dev.palimpsest.app.battery;

import dev.palimpsest.app.file.Json;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.ProblemOptions;
import dev.palimpsest.app.options.SamplerOptions;
import dev.palimpsest.app.provenance.Revision;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.lab.battery.Figures;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Subject;
import dev.palimpsest.lab.battery.Task;
import dev.palimpsest.lab.battery.part.Settings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code battery}: what a model's reasoning has to do with its answers, beside its twin. */
@Command(
    name = "battery",
    description = {
      "Measures whether a model's reasoning causes its answers.",
      "Answers every problem, then again from changed canvases: reasoning cut off, made wrong, said"
          + " otherwise, replaced or hidden; answers forced, delayed or hinted at. A twin is asked"
          + " the same with the same seeds. Writes battery.html, battery.json, items.jsonl.gz and"
          + " observations.parquet.",
      "Until all is measured, items.partial.jsonl has what is: whatever ended the command, the"
          + " same command goes on."
    },
    mixinStandardHelpOptions = true)
public final class BatteryCommand implements Callable<Integer> {
  /** Of resamples: a report is the same whenever it is made. */
  private static final long RESAMPLES = 0;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      arity = "0..1",
      description = "Folder of the model; the bundled abacus-mdm if not given.")
  private Optional<Path> model;

  @Option(
      names = "--twin",
      paramLabel = "FOLDER",
      description = "A model that is asked the same and compared, for instance autoregressive.")
  private Optional<Path> twin;

  @Option(
      names = "--problems",
      paramLabel = "FILE",
      description = "The problems; those held out from the bundled models if not given.")
  private Optional<Path> file;

  @Option(
      names = "--to",
      paramLabel = "FOLDER",
      defaultValue = "battery",
      description = "Where the files go (default: ${DEFAULT-VALUE}).")
  private Path folder = Path.of("battery");

  @Mixin private PartOptions partOptions;

  @Mixin private ProblemOptions problemOptions;

  @Mixin private ModelOptions modelOptions;

  @Mixin private SamplerOptions samplerOptions;

  @Option(
      names = "--pages",
      paramLabel = "N",
      defaultValue = "8",
      description =
          "Write a page with every step for each of the first N problems (default:"
              + " ${DEFAULT-VALUE}).")
  private int pages;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "32",
      description =
          "Problems that are under way at once; changes no result (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--page-only",
      description = "Write the report again from the folder's items.jsonl.gz.")
  private boolean pageOnly;

  @Option(names = "--json", description = "Print battery.json instead of where the files are.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    if (batch < 1) {
      throw wrong("--batch " + batch + " is invalid: use 1 or above");
    }
    if (pages < 0) {
      throw wrong("--pages " + pages + " is invalid: use 0 or above");
    }
    model.ifPresent(given -> modelOptions.use(given, spec));
    if (!pageOnly) {
      measure();
    }
    report(BatteryFile.read(Measurement.items(folder)));
    return 0;
  }

  private void measure() throws IOException {
    Path problemsFile = ProblemOptions.file(file);
    requireNoInput(problemsFile);
    Pattern answer = problemOptions.answerPattern();
    List<Problem> every = problemOptions.read(problemsFile);
    List<Task> all = tasks(every);
    List<Task> tasks = all.subList(0, problemOptions.first(every, every.size()).size());
    List<Entrant> entrants = entrants(all);
    Settings asked = partOptions.settings();
    // The first to be measured is loaded last and stays: two models may be more than there is room.
    Deque<BatteryFacts.ModelFacts> models = new ArrayDeque<>();
    try (Entrant first = entrants.getFirst()) {
      for (Entrant other : entrants.subList(1, entrants.size())) {
        try (other) {
          models.addLast(BatteryFacts.ModelFacts.of(other.subject(answer)));
        }
      }
      Subject subject = first.subject(answer);
      models.addFirst(BatteryFacts.ModelFacts.of(subject));
      Settings settings = asked.filledWith(partOptions.filler(subject.language()));
      BatteryFacts facts =
          new BatteryFacts(
              BatteryFile.COMMAND,
              Instant.now().truncatedTo(ChronoUnit.MINUTES).toString(),
              Revision.of(),
              Cli.VERSION,
              List.copyOf(models),
              String.valueOf(problemsFile.getFileName()),
              Problem.checksum(every),
              answer.pattern(),
              settings);
      Files.createDirectories(folder);
      new Measurement(
              folder, entrants, tasks, answer, batch, new ProblemPages(folder, pages, answer))
          .run(facts, settings.chosen(partOptions.paraphraser(), partOptions.monitor()));
    }
  }

  private void report(BatteryFile found) throws IOException {
    List<Observed> observed = new ArrayList<>();
    for (BatteryFacts.ModelFacts each : found.facts().models()) {
      observed.add(
          new Observed(
              each.name(),
              found.items().stream().filter(item -> item.model().equals(each.name())).toList(),
              RESAMPLES));
    }
    Figures figures = Figures.of(observed, found.facts().settings().computed());
    String numbers = Json.write(BatteryJson.of(found.facts(), figures));
    Path page = folder.resolve("battery.html");
    Replacement.write(page, BatteryPage.of(folder, found, figures));
    Path jsonFile = folder.resolve("battery.json");
    Replacement.write(jsonFile, numbers + "\n");
    Path table = folder.resolve("observations.parquet");
    ObservationTable.write(table, found.items());
    if (json) {
      System.out.println(numbers);
    } else {
      List.of(page, jsonFile, Measurement.items(folder), table).forEach(System.out::println);
    }
  }

  private List<Entrant> entrants(List<Task> every) {
    List<Entrant> entrants = new ArrayList<>();
    Map<String, Object> given = samplerOptions.given();
    Path first = modelOptions.folder();
    entrants.add(
        new Entrant(
            name(first), first, given, every, () -> modelOptions.load(samplerOptions.blocks())));
    twin.ifPresent(
        second -> {
          String name = name(second).equals(name(first)) ? name(second) + " (twin)" : name(second);
          Map<String, Object> shared = new LinkedHashMap<>(given);
          shared.keySet().retainAll(List.of("gen_length", "temperature", "seed"));
          entrants.add(
              new Entrant(name, second, shared, every, () -> modelOptions.loadBeside(second)));
        });
    return entrants;
  }

  private static String name(Path folder) {
    return String.valueOf(folder.toAbsolutePath().normalize().getFileName());
  }

  private static List<Task> tasks(List<Problem> problems) {
    List<Task> tasks = new ArrayList<>();
    for (Problem problem : problems) {
      tasks.add(
          new Task(
              tasks.size(),
              problem.id(),
              problem.prompt(),
              problem.answer(),
              problem.steps().map(OptionalInt::of).orElseGet(OptionalInt::empty)));
    }
    return tasks;
  }

  private void requireNoInput(Path problemsFile) throws IOException {
    List<Path> inputs = new ArrayList<>(modelOptions.files());
    if (twin.isPresent()) {
      inputs.addAll(ModelOptions.files(twin.get()));
    }
    inputs.add(problemsFile);
    for (String name : List.of("battery.html", "battery.json", "observations.parquet")) {
      Replacement.requireNoInput(spec, "--to", folder.resolve(name), inputs);
    }
    Replacement.requireNoInput(spec, "--to", Measurement.items(folder), inputs);
    Replacement.requireNoInput(spec, "--to", Measurement.journal(folder), inputs);
  }

  private ParameterException wrong(String complaint) {
    return new ParameterException(spec.commandLine(), complaint);
  }
}
