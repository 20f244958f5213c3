package dev.palimpsest.app.compare;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.file.Sha256;
import dev.palimpsest.app.options.DeviceOptions;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.options.ProblemOptions;
import dev.palimpsest.app.options.SpecialTokenOptions;
import dev.palimpsest.app.provenance.Machine;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.provenance.Revision;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.ProgressBars;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.LoadOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Blocks;
import dev.palimpsest.engine.model.UnsupportedModelException;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.sampler.method.InvalidOptionException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code compare}: speed and accuracy of several models on the same prompts. */
@Command(
    name = "compare",
    description = {
      "Measures models on the same problems, in rounds.",
      "Speed at several concurrencies, and accuracy beside it. Prints a table and writes"
          + " compare.json, compare.html and compare.svg after every round. A round runs every"
          + " contestant at every concurrency, in the reverse order of the round before. The first"
          + " contestant runs once more as a control: what it differs by is what a difference has"
          + " to exceed.",
      "Beside the speed stands what an answer takes, problem by problem: forwards, and serial"
          + " depth, opaque and in all, each less the first contestant's too."
          + " With --self-conditioning soft,top-k,top-1,off that is the price of strict steps.",
      "Loading and warm-up are not timed. Every contestant is checked before the first is measured,"
          + " and all models are loaded at once; one that fails later loses its own rows only. A"
          + " problem whose prompt does not fit one of the models is asked of none. The first 64"
          + " problems are asked if there is no --limit."
    },
    mixinStandardHelpOptions = true)
public final class CompareCommand implements Callable<Integer> {
  private static final int PROBLEMS = 64;
  private static final String CONTROL = "control: ";

  /** So many tokens a position; {@code top-1} is of its own. */
  private static final Pattern FEW = Pattern.compile("^top-([2-9]|[1-9][0-9]+)$");

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "CONTESTANT",
      arity = "0..*",
      description =
          "A model's folder and options of its sampler, as models/abacus-mdm,threshold=0.9; or the"
              + " address of a server with OpenAI's chat completions, as"
              + " http://host:8000/v1,model=NAME,max_tokens=48; also temperature=T, timeout=SECONDS"
              + " for an answer (600 if not given), and api_key_env=VARIABLE, which names the"
              + " environment variable that holds its key. The two bundled models if not given.")
  private List<String> contestants = List.of();

  @Option(
      names = "--self-conditioning",
      paramLabel = "WHAT",
      split = ",",
      description =
          "Every contestant once for each of these, of soft, top-k (or top-4 for 4 tokens a"
              + " position), top-1 and off; the others are compared with the first. It says what it"
              + " costs to pass less between the steps of a model that was made to pass more"
              + " (DiffusionGemma).")
  private List<String> selfConditioning = List.of();

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "The problems; those held out from the bundled models if not given.")
  private Optional<Path> file;

  @Mixin private ProblemOptions problemOptions;

  @Mixin private SpecialTokenOptions specialTokenOptions;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      split = ",",
      defaultValue = "1,8,32",
      description = "Requests that are under way at once (default: ${DEFAULT-VALUE}).")
  private List<Integer> concurrencies = List.of();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "3",
      description =
          "Times that every contestant runs at every concurrency (default: ${DEFAULT-VALUE}). The"
              + " spread of a speed is that of its slowest round and of its fastest.")
  private int rounds;

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      defaultValue = "16",
      description =
          "Requests of a warm-up batch (default: ${DEFAULT-VALUE}); 0 for none. Batches are run"
              + " until the last three are within 5 %% of each other, and ten at most.")
  private int warmUp;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      defaultValue = ".",
      description = "Where compare.json, compare.html and compare.svg go (default: this folder).")
  private Path out = Path.of(".");

  @Option(
      names = "--resume",
      description =
          "Go on with the comparison in --out, which has to be the same one: run the rounds that it"
              + " does not have.")
  private boolean resume;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      description =
          "Precision of products: f32 or bf16; f32 on the host and bf16 on a GPU if not given.")
  private Optional<Precision> precision;

  @Mixin private DeviceOptions device;

  @Option(names = "--json", description = "Print the JSON instead of the table.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    requireBounds();
    Compute compute = device.compute(precision);
    Pattern pattern = problemOptions.answerPattern();
    List<Contestant> all = contestants();
    Path problemsFile = ProblemOptions.file(file);
    List<Problem> every = problemOptions.read(problemsFile);
    List<Problem> asked = problemOptions.first(every, PROBLEMS);
    List<Problem> used = every.subList(0, Math.min(asked.size() + warmUps(), every.size()));
    for (Path each : ComparisonFiles.in(out)) {
      Replacement.requireNoInput(spec, "--out", each, inputs(problemsFile, all));
    }
    Set<String> told = new HashSet<>();
    for (Contestant each : all) {
      requireReady(each, told);
    }
    requireMemory(compute, all);
    Map<String, Object> setup = setup(problemsFile, asked, used.size(), pattern, all);
    Optional<Comparison.Earlier> earlier =
        resume ? Comparison.earlier(ComparisonFiles.in(out).getFirst(), setup) : Optional.empty();
    Files.createDirectories(out);
    try (Entrants entrants = new Entrants(compute, pattern)) {
      all.forEach(each -> entrants.add(each, used));
      return compare(entrants, all.getFirst(), setup, earlier, asked, used);
    }
  }

  private int compare(
      Entrants entrants,
      Contestant first,
      Map<String, Object> setup,
      Optional<Comparison.Earlier> earlier,
      List<Problem> asked,
      List<Problem> used)
      throws IOException {
    Map<Problem, String> refusals = entrants.refusals(used);
    List<Problem> problems = asked.stream().filter(each -> !refusals.containsKey(each)).toList();
    List<String> leftOut =
        asked.stream().flatMap(each -> Stream.ofNullable(refusals.get(each))).toList();
    if (problems.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "no problem fits every contestant; the first: " + leftOut.getFirst());
    }
    tellOfLeftOut(leftOut, asked.size());
    List<Integer> atOnce = concurrencies(problems.size());
    String control = CONTROL + first.label();
    Rounds schedule = new Rounds(entrants.withControl(first.label(), control), atOnce);
    earlier.ifPresent(schedule::resume);
    String date =
        earlier
            .map(Comparison.Earlier::date)
            .orElseGet(() -> Instant.now().truncatedTo(ChronoUnit.MINUTES).toString());
    Comparison comparison;
    try (ComparisonFiles files = new ComparisonFiles(out, rounds)) {
      boolean measures = schedule.isMissing(rounds);
      if (measures) {
        List<Problem> others =
            used.stream().skip(asked.size()).filter(each -> !refusals.containsKey(each)).toList();
        warmUp(schedule, others.isEmpty() ? problems : others);
      }
      try (ProgressBar bar = ProgressBars.start("Comparing", schedule.runs(rounds))) {
        schedule.run(
            problems,
            rounds,
            bar::step,
            over -> {
              Comparison now = comparison(date, setup, leftOut, first, control, entrants, schedule);
              if (!now.measurements().isEmpty()) {
                files.write(now, over);
              }
            });
      }
      comparison = comparison(date, setup, leftOut, first, control, entrants, schedule);
      if (!measures && !comparison.measurements().isEmpty()) {
        files.write(comparison, rounds);
      }
    }
    return print(comparison);
  }

  private void warmUp(Rounds schedule, List<Problem> problems) {
    if (warmUp == 0) {
      return;
    }
    try (ProgressBar bar = ProgressBars.start("Warming up", schedule.runs(Rounds.MOST_BATCHES))) {
      schedule.warmUp(problems, warmUp, bar::step);
    }
    List<Rounds.Pair> unstable = schedule.unstable();
    if (!unstable.isEmpty()) {
      ModelOptions.tell(
          "%d of %d speeds still changed by more than 5 %% at the end of the warm-up, first that of %s, %d at once: give larger batches with --warm-up, or a quieter machine"
              .formatted(
                  unstable.size(),
                  schedule.runs(1),
                  unstable.getFirst().contestant(),
                  unstable.getFirst().concurrency()));
    }
  }

  private Comparison comparison(
      String date,
      Map<String, Object> setup,
      List<String> leftOut,
      Contestant first,
      String control,
      Entrants entrants,
      Rounds schedule) {
    List<Measurement> measurements = schedule.measurements();
    return new Comparison(
        date,
        setup,
        rounds,
        leftOut,
        first.label(),
        control,
        measurements,
        Price.of(measurements, first.label(), control),
        Stream.concat(entrants.failures().stream(), schedule.failures().stream()).toList());
  }

  private int print(Comparison comparison) {
    for (Rounds.Failure each : comparison.failures()) {
      ModelOptions.tell(each.sentence());
    }
    if (comparison.measurements().isEmpty()) {
      return Cli.FAILURE;
    }
    if (json) {
      System.out.println(comparison.json());
    } else {
      System.out.print(ComparisonTable.of(comparison));
    }
    if (!comparison.controls().isEmpty()) {
      ModelOptions.tell(comparison.verdict());
    }
    List<Path> files = ComparisonFiles.in(out);
    ModelOptions.tell("wrote %s, %s and %s".formatted(files.get(0), files.get(1), files.get(2)));
    return comparison.failures().isEmpty() ? 0 : Cli.FAILURE;
  }

  private static void tellOfLeftOut(List<String> leftOut, int asked) {
    if (!leftOut.isEmpty()) {
      ModelOptions.tell(
          "%d of %d problems do not fit every contestant and are asked of none; the first: %s"
              .formatted(leftOut.size(), asked, leftOut.getFirst()));
    }
  }

  /** Requests of the longest warm-up, each of a problem of its own if there are so many. */
  private int warmUps() {
    int most = concurrencies.stream().mapToInt(Integer::intValue).max().orElse(1);
    return warmUp == 0 ? 0 : Rounds.MOST_BATCHES * Math.max(warmUp, most);
  }

  /** What was asked for, as far as there are problems for it. */
  private List<Integer> concurrencies(int problems) {
    Set<Integer> possible = new LinkedHashSet<>();
    for (int each : concurrencies) {
      if (each > problems) {
        ModelOptions.tell(
            "--concurrency %d: there are %d problems, so no more run at once"
                .formatted(each, problems));
      }
      possible.add(Math.min(each, problems));
    }
    return List.copyOf(possible);
  }

  private static List<Path> inputs(Path problemsFile, List<Contestant> all) throws IOException {
    List<Path> inputs = new ArrayList<>(List.of(problemsFile));
    for (Contestant each : all) {
      if (each instanceof Contestant.Local local && Files.isDirectory(local.folder())) {
        try (Stream<Path> files = Files.list(local.folder())) {
          files.forEach(inputs::add);
        }
      }
    }
    return inputs;
  }

  /**
   * Checks a contestant.
   *
   * @param told what was said of those before; contestants of one folder have the same said once
   */
  private static void requireReady(Contestant contestant, Set<String> told) {
    switch (contestant) {
      case Contestant.Local local ->
          LocalRace.requireReady(
              local,
              notice -> {
                if (told.add(notice)) {
                  ModelOptions.tell(notice);
                }
              });
      case Contestant.Endpoint endpoint -> {
        try (EndpointRace race = new EndpointRace(endpoint, Spans.ANSWER)) {
          race.requireServer();
        }
      }
    }
  }

  /** Weights of all models beside each other; a GPU's memory is its backend's to check. */
  private static void requireMemory(Compute compute, List<Contestant> all) {
    if (compute.device() == Compute.Device.CUDA
        || (compute.device() == Compute.Device.AUTO && CudaBackend.failure().isEmpty())) {
      return;
    }
    Map<LoadedAs, Long> bytes = new HashMap<>();
    for (Contestant each : all) {
      if (each instanceof Contestant.Local local) {
        try (Checkpoint checkpoint = Checkpoint.open(local.folder())) {
          bytes.put(LoadedAs.of(local), checkpoint.bytes());
        }
      }
    }
    long needed = bytes.values().stream().mapToLong(Long::longValue).sum();
    if (needed > Machine.memoryBytes()) {
      throw new DeviceException(
          String.format(
              Locale.ROOT,
              "the models of all contestants are loaded at once, and their weights need %.1f GB of"
                  + " %.1f GB of memory: compare fewer at a time",
              needed / 1e9,
              Machine.memoryBytes() / 1e9));
    }
  }

  /** What has to be the same for rounds to belong together. */
  private Map<String, Object> setup(
      Path problemsFile, List<Problem> asked, int used, Pattern pattern, List<Contestant> all)
      throws IOException {
    Map<String, Object> setup = new LinkedHashMap<>(Machine.facts());
    setup.put("version", Cli.VERSION);
    setup.put("revision", Revision.of());
    setup.put("compute", String.join(" ", device.arguments()));
    setup.put("dtype", precision.map(Enum::name).orElse("of the device"));
    setup.put("file", String.valueOf(problemsFile.getFileName()));
    setup.put("file_sha256", Sha256.of(problemsFile));
    setup.put("problems", asked.size());
    problemOptions.promptTemplate().ifPresent(text -> setup.put("prompt_template", text));
    setup.put("answer_pattern", pattern.pattern());
    setup.put("parse_special", specialTokenOptions.parsesSpecial());
    setup.put("concurrency", concurrencies);
    setup.put("warm_up_requests", warmUp);
    setup.put("warm_up_problems", asked.size() < used ? "others of the file" : "the same");
    setup.put("contestants", all.stream().map(Contestant::label).toList());
    Map<String, Object> models = new LinkedHashMap<>();
    for (Contestant each : all) {
      if (each instanceof Contestant.Local local) {
        models.put(local.label(), ModelFiles.identity(local.folder()).sha256());
      }
    }
    setup.put("models", models);
    return setup;
  }

  private void requireBounds() {
    require(rounds >= 1, "--rounds", rounds, "use 1 or above");
    require(warmUp >= 0, "--warm-up", warmUp, "use 0 or above");
    for (int concurrency : concurrencies) {
      require(concurrency >= 1, "--concurrency", concurrency, "use 1 or above");
    }
  }

  private void require(boolean holds, String option, int value, String remedy) {
    if (!holds) {
      throw new ParameterException(
          spec.commandLine(), option + " " + value + " is invalid: " + remedy);
    }
  }

  private List<Contestant> contestants() {
    try {
      if (contestants.isEmpty() && !selfConditioning.isEmpty()) {
        throw new IllegalArgumentException(
            "--self-conditioning %s needs a model to be of: name its folder"
                .formatted(String.join(",", selfConditioning)));
      }
      if (contestants.isEmpty()) {
        Path models = Cli.home().resolve("models");
        return List.of(
            new Contestant.Local("abacus-mdm", models.resolve("abacus-mdm"), Map.of()),
            new Contestant.Local("abacus-ar", models.resolve("abacus-ar"), Map.of()));
      }
      List<String> all = contestants.stream().flatMap(this::conditioned).toList();
      if (all.stream().distinct().count() < all.size()) {
        throw new IllegalArgumentException(
            "a contestant is named twice in " + String.join(" ", all) + ": name each once");
      }
      return all.stream().map(Contestant::parse).toList();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }

  /** A contestant as it is given, or once for each kind of self-conditioning. */
  private Stream<String> conditioned(String contestant) {
    if (selfConditioning.isEmpty()) {
      return Stream.of(contestant);
    }
    if (contestant.replace('-', '_').contains(",self_conditioning")) {
      throw new IllegalArgumentException(
          "--self-conditioning is given, and the contestant %s has its own: leave one of them out"
              .formatted(contestant));
    }
    return selfConditioning.stream()
        .map(each -> FEW.matcher(each).replaceFirst("top-k,self_conditioning_k=$1"))
        .map(each -> contestant + ",self_conditioning=" + each);
  }

  /** Contestants of one folder and the same blocks share a model. */
  private record LoadedAs(Path folder, Optional<Blocks> blocks) {
    static LoadedAs of(Contestant.Local local) {
      return new LoadedAs(local.folder().toAbsolutePath().normalize(), local.blocks());
    }
  }

  /** Contestants that are ready, and their models. */
  private final class Entrants implements AutoCloseable {
    private final Compute compute;
    private final Pattern pattern;
    private final Map<LoadedAs, LanguageModel> models = new HashMap<>();
    private final Map<String, Race> races = new LinkedHashMap<>();
    private final List<Rounds.Failure> failures = new ArrayList<>();

    Entrants(Compute compute, Pattern pattern) {
      this.compute = compute;
      this.pattern = pattern;
    }

    void add(Contestant contestant, List<Problem> problems) {
      try {
        races.put(
            contestant.label(),
            switch (contestant) {
              case Contestant.Local local -> race(local, problems);
              case Contestant.Endpoint endpoint -> new EndpointRace(endpoint, pattern);
            });
      } catch (CheckpointException
          | UnsupportedModelException
          | DeviceException
          | InvalidOptionException
          | UncheckedIOException e) {
        failures.add(
            new Rounds.Failure(
                contestant.label(), concurrencies.getFirst(), 0, String.valueOf(e.getMessage())));
      }
    }

    private Race race(Contestant.Local local, List<Problem> problems) {
      LanguageModel language =
          models.computeIfAbsent(
              LoadedAs.of(local),
              _ ->
                  LanguageModel.load(
                      local.folder(),
                      LoadOptions.on(compute)
                          .withBlocks(local.blocks())
                          .withNotice(device::notice)));
      Model model = language.model();
      int longest =
          problems.stream()
              .mapToInt(each -> specialTokenOptions.ids(model, each.prompt()).length)
              .filter(length -> length < model.spec().maxLength())
              .max()
              .orElse(0);
      return new LocalRace(
          language, language.options(local.options(), longest), specialTokenOptions, pattern);
    }

    /** The problems that do not fit one contestant, and why, in a sentence. */
    Map<Problem, String> refusals(List<Problem> problems) {
      Map<Problem, String> refusals = new LinkedHashMap<>();
      for (Problem problem : problems) {
        races.forEach(
            (label, race) ->
                race.refusal(problem)
                    .ifPresent(
                        why ->
                            refusals.putIfAbsent(
                                problem,
                                "problem %s, %s: %s".formatted(problem.id(), label, why))));
      }
      return refusals;
    }

    /** Those that are ready; the first once more if it is. */
    List<Rounds.Entrant> withControl(String first, String control) {
      List<Rounds.Entrant> entrants = new ArrayList<>();
      races.forEach((label, race) -> entrants.add(new Rounds.Entrant(label, race)));
      Optional.ofNullable(races.get(first))
          .ifPresent(race -> entrants.add(new Rounds.Entrant(control, race)));
      return entrants;
    }

    List<Rounds.Failure> failures() {
      return failures;
    }

    @Override
    public void close() {
      races.values().forEach(Race::close);
      models.values().forEach(LanguageModel::close);
    }
  }
}
