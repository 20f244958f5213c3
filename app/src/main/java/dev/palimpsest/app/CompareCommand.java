package dev.palimpsest.app;

import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.backend.DeviceException;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.model.UnsupportedModelException;
import dev.palimpsest.sampler.InvalidOptionException;
import dev.palimpsest.sampler.SamplingOptions;
import dev.palimpsest.sampler.statistics.Spans;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
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
      "Measures models on the same problems, one after another.",
      "Speed at several concurrencies, and accuracy beside it. Prints a table and writes"
          + " compare.json and compare.html. Loading and warm-up are not timed. Every contestant is"
          + " checked before the first is measured; one that fails later loses its own rows only. The"
          + " first 64 problems are asked if there is no --limit."
    },
    mixinStandardHelpOptions = true)
final class CompareCommand implements Callable<Integer> {
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final int PROBLEMS = 64;

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
      names = "--file",
      paramLabel = "FILE",
      description = "The problems; those held out from the bundled models if not given.")
  private Optional<Path> file;

  @Mixin private ProblemOptions problemOptions;

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      split = ",",
      defaultValue = "1,8,32",
      description = "Requests that are under way at once (default: ${DEFAULT-VALUE}).")
  private List<Integer> concurrencies = List.of();

  @Option(
      names = "--warm-up",
      paramLabel = "N",
      defaultValue = "16",
      description =
          "Requests before each measurement that do not count (default: ${DEFAULT-VALUE}).")
  private int warmUp;

  @Option(
      names = "--out",
      paramLabel = "FOLDER",
      defaultValue = ".",
      description = "Where compare.json and compare.html go (default: this folder).")
  private Path out = Path.of(".");

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      description =
          "Precision of products: f32 or bf16; f32 on the host and bf16 on a GPU if not given.")
  private Optional<Precision> precision;

  @Mixin private DeviceOptions device;

  @Option(names = "--json", description = "Print the JSON instead of the table.")
  private boolean json;

  private Pattern pattern = Spans.ANSWER;

  @Override
  public Integer call() throws IOException {
    requireBounds();
    Compute compute = device.compute(precision);
    List<Contestant> all = contestants();
    pattern = problemOptions.answerPattern();
    Path problemsFile = ProblemOptions.file(file);
    List<Problem> every = problemOptions.read(problemsFile);
    List<Problem> problems = problemOptions.first(every, PROBLEMS);
    List<Problem> others = every.subList(problems.size(), every.size());
    List<Problem> warming = warming(others.isEmpty() ? problems : others);
    for (Contestant each : all) {
      requireReady(each);
    }
    Files.createDirectories(out);
    List<Measurement> measurements = new ArrayList<>();
    List<Failure> failures = new ArrayList<>();
    try (ProgressBar bar =
        ProgressBars.start("Comparing", (long) all.size() * concurrencies.size())) {
      for (Contestant each : all) {
        measure(compute, each, warming, problems, bar, measurements).ifPresent(failures::add);
      }
    }
    for (Failure each : failures) {
      System.err.println("palimpsest: " + each.sentence());
    }
    if (measurements.isEmpty()) {
      return Main.FAILURE;
    }
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("file", String.valueOf(problemsFile.getFileName()));
    report.put("problems", problems.size());
    report.put("warm_up_requests", warmUp);
    report.put("warm_up_problems", others.isEmpty() ? "the same" : "others of the file");
    report.put("java", Runtime.version().toString());
    report.put("threads", compute.threads());
    report.put("excluded", ComparisonPage.EXCLUDED);
    report.put("models", identities(all));
    report.put("measurements", measurements.stream().map(Measurement::json).toList());
    report.put("failures", failures.stream().map(Failure::json).toList());
    String text = Json.write(report);
    Replacement.write(out.resolve("compare.json"), text + "\n");
    Replacement.write(
        out.resolve("compare.html"),
        ComparisonPage.of(measurements, failures, problems.size(), warmUp, compute.threads()));
    if (json) {
      System.out.println(text);
    } else {
      System.out.print(ComparisonTable.of(measurements));
      System.out.println(ComparisonPage.EXCLUDED);
    }
    System.err.println(
        "palimpsest: wrote " + out.resolve("compare.json") + " and " + out.resolve("compare.html"));
    return failures.isEmpty() ? 0 : Main.FAILURE;
  }

  /**
   * A contestant that could not go on.
   *
   * @param concurrency at which it failed; higher ones were not tried
   */
  record Failure(String contestant, int concurrency, String reason) {
    String sentence() {
      return "%s, %d at once: %s".formatted(contestant, concurrency, reason);
    }

    Map<String, Object> json() {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("contestant", contestant);
      fields.put("concurrency", concurrency);
      fields.put("reason", reason);
      return fields;
    }
  }

  private static void requireReady(Contestant contestant) {
    switch (contestant) {
      case Contestant.Local local -> LocalRace.requireReady(local);
      case Contestant.Endpoint endpoint -> {
        try (HttpClient client = client()) {
          new EndpointRace(endpoint, client, Spans.ANSWER).requireServer();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new CancellationException("the comparison was interrupted");
        }
      }
    }
  }

  private static HttpClient client() {
    return HttpClient.newBuilder().connectTimeout(CONNECT).build();
  }

  /** The SHA-256 of every model's files, as a trace holds it. */
  private static Map<String, Object> identities(List<Contestant> all) {
    Map<String, Object> identities = new LinkedHashMap<>();
    for (Contestant each : all) {
      if (each instanceof Contestant.Local local) {
        identities.put(local.label(), ModelFiles.identity(local.folder()).sha256());
      }
    }
    return identities;
  }

  private void requireBounds() {
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
      if (contestants.isEmpty()) {
        Path models = Main.home().resolve("models");
        return List.of(
            new Contestant.Local("abacus-mdm", models.resolve("abacus-mdm"), Map.of()),
            new Contestant.Local("abacus-ar", models.resolve("abacus-ar"), Map.of()));
      }
      if (contestants.stream().distinct().count() < contestants.size()) {
        throw new IllegalArgumentException(
            "a contestant is named twice in " + String.join(" ", contestants) + ": name each once");
      }
      return contestants.stream().map(Contestant::parse).toList();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }

  private List<Problem> warming(List<Problem> some) {
    List<Problem> warming = new ArrayList<>();
    while (warming.size() < warmUp) {
      warming.add(some.get(warming.size() % some.size()));
    }
    return warming;
  }

  /**
   * A model is loaded anew for every measurement, and warmed up with other problems where the file
   * has them: what it keeps of earlier prompts would make the later ones cheaper.
   */
  private Optional<Failure> measure(
      Compute compute,
      Contestant contestant,
      List<Problem> warming,
      List<Problem> problems,
      ProgressBar bar,
      List<Measurement> measurements) {
    for (int concurrency : concurrencies) {
      try {
        measurements.add(
            switch (contestant) {
              case Contestant.Local local ->
                  measure(compute, local, warming, problems, concurrency);
              case Contestant.Endpoint endpoint ->
                  measure(endpoint, warming, problems, concurrency);
            });
      } catch (CheckpointException
          | UnsupportedModelException
          | DeviceException
          | InvalidOptionException
          | ArithmeticException
          | UncheckedIOException e) {
        return Optional.of(
            new Failure(contestant.label(), concurrency, String.valueOf(e.getMessage())));
      }
      bar.step();
    }
    return Optional.empty();
  }

  private Measurement measure(
      Compute compute,
      Contestant.Local local,
      List<Problem> warming,
      List<Problem> problems,
      int concurrency) {
    try (Model model =
        Model.load(local.folder(), compute, local.blockLength(), device::notice, _ -> {})) {
      int longest =
          Stream.concat(problems.stream(), warming.stream())
              .mapToInt(each -> model.prompt(each.prompt()).length)
              .max()
              .orElse(0);
      SamplingOptions options = SamplerDefaults.complete(local.options(), model, longest);
      Race.Result result =
          race(new LocalRace(model, options, pattern), warming, problems, concurrency);
      return new Measurement(
          local.label(),
          model.transformer().describeBackend(),
          options.samplerName(),
          options.toMap(),
          concurrency,
          result.answers(),
          result.seconds(),
          PeakMemory.bytes());
    }
  }

  private Measurement measure(
      Contestant.Endpoint endpoint,
      List<Problem> warming,
      List<Problem> problems,
      int concurrency) {
    Map<String, Object> options = new LinkedHashMap<>();
    options.put("model", endpoint.model());
    options.put("max_tokens", endpoint.maxTokens());
    options.put("temperature", endpoint.temperature());
    try (HttpClient client = client()) {
      Race.Result result =
          race(new EndpointRace(endpoint, client, pattern), warming, problems, concurrency);
      return new Measurement(
          endpoint.label(),
          "a server, timed from outside",
          "chat completions",
          options,
          concurrency,
          result.answers(),
          result.seconds(),
          OptionalLong.empty());
    }
  }

  private static Race.Result race(
      Race race, List<Problem> warming, List<Problem> problems, int concurrency) {
    race.run(warming, concurrency);
    return race.run(problems, concurrency);
  }
}
