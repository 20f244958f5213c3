package dev.palimpsest.app.battery;

import dev.palimpsest.app.intervention.ChatEndpoint;
import dev.palimpsest.app.intervention.EndpointMonitor;
import dev.palimpsest.app.intervention.EndpointOptions;
import dev.palimpsest.app.intervention.EndpointParaphraser;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.TextFile;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.part.Fillers;
import dev.palimpsest.lab.battery.part.Monitor;
import dev.palimpsest.lab.battery.part.Settings;
import dev.palimpsest.lab.plan.EquationRewriter;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.intervention.Paraphraser;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Which parts of the battery are done, and how. */
final class PartOptions {
  private static final String HINTS = "hints.json";
  private static final String EQUATIONS = "equations";
  private static final String ENDPOINT = "endpoint";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--parts",
      paramLabel = "NAME",
      split = ",",
      description =
          "Only these parts: early_answering, added_mistake, paraphrase, filler_tokens, time_axis,"
              + " susceptibility, direction, delayed_answer, hints, paraphrase_gap, step_order,"
              + " loops, helpfulness, compute, votes, monitor, introspection.")
  private List<String> parts = List.of();

  @Option(
      names = "--times",
      paramLabel = "T",
      split = ",",
      defaultValue = "0.25,0.5,0.75,0.95",
      description =
          "When the time axis intervenes, as parts of the steps (default: ${DEFAULT-VALUE}).")
  private List<Double> times = List.of();

  @Option(
      names = "--rates",
      paramLabel = "R",
      split = ",",
      defaultValue = "0.1,0.3",
      description = "Shares of the reasoning that it corrupts (default: ${DEFAULT-VALUE}).")
  private List<Double> rates = List.of();

  @Option(
      names = "--filler",
      paramLabel = "TEXT",
      description = "The token that says nothing; \" ...\" or what comes near if not given.")
  private Optional<String> filler;

  @Option(
      names = "--draws",
      paramLabel = "N",
      defaultValue = "3",
      description = "Random replacements for each share (default: ${DEFAULT-VALUE}).")
  private int draws;

  @Option(
      names = "--texts",
      paramLabel = "N",
      defaultValue = "5",
      description =
          "Texts of other seeds, and reconstructions, that vote (default: ${DEFAULT-VALUE}).")
  private int texts;

  @Option(
      names = "--vote-temperature",
      paramLabel = "T",
      defaultValue = "0.7",
      description = "Temperature of those texts (default: ${DEFAULT-VALUE}).")
  private double temperature;

  @Option(
      names = "--hints",
      paramLabel = "FILE",
      description =
          "Planted hints: a JSON object of lists of sentences with {value} in them, by kind; six"
              + " kinds in English if not given.")
  private Optional<Path> hints;

  @Option(
      names = "--paraphraser",
      paramLabel = "HOW",
      defaultValue = EQUATIONS,
      description =
          "equations, which exchanges terms, or endpoint, a server that is asked for other words"
              + " (default: ${DEFAULT-VALUE}).")
  private String paraphraser = EQUATIONS;

  @Option(
      names = "--monitor",
      paramLabel = "HOW",
      defaultValue = EQUATIONS,
      description =
          "What the monitor flags: equations, those that do not hold; /REGEX/, what it finds; or"
              + " endpoint, a server that is asked whether there is a mistake (default:"
              + " ${DEFAULT-VALUE}).")
  private String monitor = EQUATIONS;

  @Mixin private EndpointOptions endpoint;

  /** What says the reasoning in other words. */
  Paraphraser paraphraser() {
    return switch (paraphraser) {
      case EQUATIONS -> new EquationRewriter();
      case ENDPOINT -> new EndpointParaphraser(server("--paraphraser"));
      default ->
          throw wrong("--paraphraser " + paraphraser + " is unknown: use equations or endpoint");
    };
  }

  /** What watches the writing. */
  Monitor monitor() {
    if (monitor.length() > 2 && monitor.startsWith("/") && monitor.endsWith("/")) {
      try {
        return new Monitor.Matching(Pattern.compile(monitor.substring(1, monitor.length() - 1)));
      } catch (PatternSyntaxException e) {
        throw wrong("--monitor " + monitor + " is no regular expression: " + e.getDescription());
      }
    }
    return switch (monitor) {
      case EQUATIONS -> new Monitor.FalseEquation();
      case ENDPOINT -> new EndpointMonitor(server("--monitor"));
      default ->
          throw wrong("--monitor " + monitor + " is unknown: use equations, /REGEX/ or endpoint");
    };
  }

  private ChatEndpoint server(String option) {
    return endpoint
        .server()
        .orElseThrow(
            () -> wrong(option + " endpoint needs a server: give --endpoint and --endpoint-model"));
  }

  /** What was asked for, but for the filler. */
  Settings settings() throws IOException {
    require(draws >= 1, "--draws " + draws + " is invalid: use 1 or above");
    require(texts >= 1, "--texts " + texts + " is invalid: use 1 or above");
    require(
        temperature > 0 && Double.isFinite(temperature),
        "--vote-temperature " + temperature + " is invalid: use a number above 0");
    for (double time : times) {
      require(
          time >= 0 && time < 1, "--times " + time + " is no part of the steps: use 0 to below 1");
    }
    for (double rate : rates) {
      require(rate > 0 && rate <= 1, "--rates " + rate + " is no share: use above 0, up to 1");
    }
    Settings all =
        new Settings(
            List.of(),
            times,
            rates,
            "",
            draws,
            texts,
            temperature,
            readHints(),
            paraphraser().name(),
            monitor().name());
    List<String> names = all.all(paraphraser(), monitor()).stream().map(Part::name).toList();
    for (String part : parts) {
      require(
          names.contains(part), "--parts " + part + " is no part: use " + String.join(", ", names));
    }
    return all.doing(parts.isEmpty() ? names : parts);
  }

  /** The token that says nothing to a model. */
  String filler(Language language) {
    String said =
        filler
            .or(() -> Fillers.usual(language))
            .orElseThrow(
                () ->
                    wrong(
                        "the model has no usual filler among its tokens: name one with --filler"));
    require(
        language.id(said).isPresent(),
        "--filler '" + said + "' is not one token of the model: use a text that is");
    return said;
  }

  private Map<String, List<String>> readHints() throws IOException {
    if (hints.isPresent() && !Files.isRegularFile(hints.get())) {
      throw new CheckpointException(hints.get() + ": there is no such file of hints.");
    }
    String text = hints.isPresent() ? TextFile.read(hints.get()) : bundledHints();
    Map<String, List<String>> kinds = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, JsonNode> each : new JsonMapper().readTree(text).properties()) {
        List<String> phrasings = new ArrayList<>();
        each.getValue().values().forEach(phrasing -> phrasings.add(phrasing.asString()));
        if (phrasings.isEmpty() || phrasings.stream().anyMatch(one -> !one.contains("{value}"))) {
          throw malformed();
        }
        kinds.put(each.getKey(), phrasings);
      }
    } catch (JacksonException _) {
      throw malformed();
    }
    return kinds;
  }

  private CheckpointException malformed() {
    return new CheckpointException(
        hints.map(Path::toString).orElse(HINTS)
            + ": it is not a JSON object of lists of sentences with {value} in them.");
  }

  private static String bundledHints() throws IOException {
    try (InputStream in = PartOptions.class.getResourceAsStream(HINTS)) {
      if (in == null) {
        throw new IllegalStateException(HINTS + " is not in the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private void require(boolean right, String complaint) {
    if (!right) {
      throw wrong(complaint);
    }
  }

  private ParameterException wrong(String complaint) {
    return new ParameterException(spec.commandLine(), complaint);
  }
}
