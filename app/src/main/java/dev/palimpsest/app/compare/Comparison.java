package dev.palimpsest.app.compare;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.palimpsest.app.file.Json;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.lab.measure.Estimate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.DoubleFunction;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * A comparison as it is written, finished or not.
 *
 * @param date of its beginning, in UTC
 * @param setup what has to be the same for more rounds to belong to it: the machine, the program,
 *     the problems, the contestants
 * @param roundsAsked rounds that every contestant was to run
 * @param leftOut problems that were asked of nobody, a sentence each
 * @param first label of the first contestant
 * @param control label of the same contestant, once more
 * @param measurements a row each
 * @param prices one for every contestant but the control
 * @param failures of contestants
 */
record Comparison(
    String date,
    Map<String, Object> setup,
    int roundsAsked,
    List<String> leftOut,
    String first,
    String control,
    List<Measurement> measurements,
    List<Price> prices,
    List<Rounds.Failure> failures) {

  /** How far the control may be from the first contestant, as a share of it. */
  static final double TOLERANCE = 0.05;

  /** What is left out of every number, in a sentence. */
  static final String EXCLUDED =
      "Not in any number: loading, warm-up (compilation and graph capture fall into it), and"
          + " tokens after the end of a text.";

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .changeDefaultPropertyInclusion(
              every -> every.withValueInclusion(JsonInclude.Include.NON_ABSENT))
          .build();

  /**
   * The control beside the first contestant, at one concurrency.
   *
   * @param ratio of the control's tokens a second to the first's
   * @param range of that ratio over the rounds
   */
  record Control(int concurrency, double ratio, Estimate.Interval range) {
    boolean isWithinTolerance() {
      return Math.abs(ratio - 1) <= TOLERANCE;
    }
  }

  /** One control for every concurrency at which it and the first contestant have run. */
  List<Control> controls() {
    List<Control> controls = new ArrayList<>();
    for (Measurement one : measurements) {
      for (Measurement again : measurements) {
        if (one.contestant().equals(first)
            && again.contestant().equals(control)
            && one.concurrency() == again.concurrency()) {
          List<Double> ratios = new ArrayList<>();
          int both = Math.min(one.rounds().size(), again.rounds().size());
          for (int round = 0; round < both; round++) {
            ratios.add(
                again.rounds().get(round).tokensPerSecond()
                    / one.rounds().get(round).tokensPerSecond());
          }
          controls.add(
              new Control(
                  one.concurrency(),
                  again.tokensPerSecond() / one.tokensPerSecond(),
                  Measurement.range(ratios)));
        }
      }
    }
    return controls;
  }

  /** What the control says of all other differences. */
  String verdict() {
    return controls().stream().allMatch(Control::isWithinTolerance)
        ? "The control is within 5 % of the first contestant."
        : "The control is more than 5 % from the first contestant, so differences of that size say"
            + " nothing: use more --rounds, more problems, or a quieter machine.";
  }

  String json() {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("date", date);
    report.put("setup", setup);
    report.put("rounds", roundsAsked);
    report.put("excluded", EXCLUDED);
    report.put("left_out", leftOut);
    report.put("measurements", measurements.stream().map(Comparison::json).toList());
    report.put("prices", prices.stream().map(Price::json).toList());
    report.put("control", controls().stream().map(Comparison::json).toList());
    report.put("failures", failures.stream().map(Rounds.Failure::json).toList());
    return Json.write(report);
  }

  private static Map<String, Object> json(Control control) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("concurrency", control.concurrency());
    fields.put("ratio", control.ratio());
    fields.put("ratio_min", control.range().low());
    fields.put("ratio_max", control.range().high());
    return fields;
  }

  private static Map<String, Object> json(Measurement row) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("contestant", row.contestant());
    fields.put("backend", row.backend());
    fields.put("sampler", row.sampler());
    fields.put("options", row.options());
    fields.put("concurrency", row.concurrency());
    fields.put("right", row.right());
    Estimate accuracy = row.accuracy();
    fields.put("problems", accuracy.n());
    fields.put("accuracy", accuracy.value());
    Estimate.Interval interval = accuracy.interval().orElseThrow();
    fields.put("accuracy_low", interval.low());
    fields.put("accuracy_high", interval.high());
    row.promptTokens().ifPresent(value -> fields.put("prompt_tokens", value));
    fields.put("text_tokens", row.textTokens());
    row.nfe().ifPresent(value -> fields.put("nfe", value));
    row.idleSteps().ifPresent(value -> fields.put("idle_steps", value));
    row.tokensPerForward().ifPresent(value -> fields.put("tpf", value));
    fields.put("tokens_per_second", row.tokensPerSecond());
    fields.put("tokens_per_second_min", row.tokensPerSecondRange().low());
    fields.put("tokens_per_second_max", row.tokensPerSecondRange().high());
    fields.put("tokens_per_second_of_a_request_p50", row.requestTokensPerSecond(50));
    putSeconds(fields, "to_first_snapshot", row::toFirstSnapshot);
    putSeconds(fields, "to_first_text_token", row::toFirstTextToken);
    putSeconds(fields, "to_complete", row::toComplete);
    putSeconds(fields, "between_steps", row::betweenSteps);
    fields.put("seconds", row.seconds());
    row.memory().ifPresent(value -> fields.put("memory", MAPPER.valueToTree(value)));
    fields.put("warm_up_tokens_per_second", row.warmUp());
    fields.put("rounds", MAPPER.valueToTree(row.rounds()));
    return fields;
  }

  private static void putSeconds(
      Map<String, Object> fields, String what, DoubleFunction<OptionalDouble> seconds) {
    for (int percentile : new int[] {50, 95, 99}) {
      seconds
          .apply(percentile)
          .ifPresent(value -> fields.put("seconds_" + what + "_p" + percentile, value));
    }
  }

  /**
   * What an earlier run of the same comparison has written.
   *
   * @param date of its beginning
   * @param rounds that are finished
   * @param warmUps tokens a second of every warm-up batch
   */
  record Earlier(
      String date,
      Map<Rounds.Pair, List<Race.Result>> rounds,
      Map<Rounds.Pair, List<Double>> warmUps) {}

  /**
   * What a file has of a comparison.
   *
   * @return empty if there is no file
   * @throws CheckpointException if there is something else in it, or another comparison
   */
  static Optional<Earlier> earlier(Path file, Map<String, Object> setup) throws IOException {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    Map<Rounds.Pair, List<Race.Result>> finished = new HashMap<>();
    Map<Rounds.Pair, List<Double>> warmUps = new HashMap<>();
    try {
      JsonNode json = MAPPER.readTree(Files.readString(file));
      requireSame(file, MAPPER.readTree(Json.write(setup)), json.path("setup"));
      for (JsonNode row : json.path("measurements").values()) {
        List<Race.Result> rounds = new ArrayList<>();
        for (JsonNode round : row.path("rounds").values()) {
          rounds.add(MAPPER.treeToValue(round, Race.Result.class));
        }
        Rounds.Pair pair =
            new Rounds.Pair(row.path("contestant").asString(), row.path("concurrency").asInt());
        finished.put(pair, rounds);
        List<Double> rates = new ArrayList<>();
        row.path("warm_up_tokens_per_second").values().forEach(rate -> rates.add(rate.asDouble()));
        warmUps.put(pair, rates);
      }
      return Optional.of(new Earlier(json.path("date").asString(), finished, warmUps));
    } catch (JacksonException e) {
      throw new CheckpointException(file + ": it is not what `compare` writes.", e);
    }
  }

  private static void requireSame(Path file, JsonNode here, JsonNode there) {
    Optional<String> different =
        here.propertyNames().stream()
            .filter(name -> !here.path(name).equals(there.path(name)))
            .findFirst();
    if (different.isPresent()) {
      String name = different.get();
      throw new CheckpointException(
          "%s: it is of another comparison, with %s %s, and this one has %s: give another --out, or begin anew without --resume."
              .formatted(file, name, shown(there.path(name)), shown(here.path(name))));
    }
  }

  private static String shown(JsonNode value) {
    return value.isMissingNode()
        ? "not given"
        : value.isString() ? value.stringValue() : value.toString();
  }
}
