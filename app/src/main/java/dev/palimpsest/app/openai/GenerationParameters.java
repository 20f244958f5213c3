package dev.palimpsest.app.openai;

import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * What requests say of a generation, whatever they give it to begin with. Samplers' options have
 * their reference names; those that OpenAI, vLLM or SGLang spell otherwise are taken under either
 * name.
 *
 * @param model the model that is asked for; whichever is served if it is not there
 * @param options by their reference names, and {@code sampler}
 * @param spellings the names that the request gave them by, where those are others
 * @param n texts of every prompt; each has the next seed
 * @param stop strings that end a text before them
 * @param streaming whether and how the text is sent while it is written
 * @param returnSteps whether the answer tells of every step
 * @param record whether a trace is kept
 */
public record GenerationParameters(
    Optional<String> model,
    Map<String, Object> options,
    Map<String, String> spellings,
    int n,
    List<String> stop,
    Streaming streaming,
    boolean returnSteps,
    boolean record) {
  private static final int MOST_TEXTS = 128;
  private static final int MOST_STOPS = 64;

  /** The names of reference options elsewhere. */
  private static final Map<String, List<String>> OTHER_NAMES =
      Map.of(
          "gen_length", List.of("max_tokens", "max_completion_tokens"),
          "min_new_tokens", List.of("min_tokens"));

  /** Values that ask for nothing, and so are right for every sampler. */
  private static final Map<String, List<Double>> NEUTRAL =
      Map.of(
          "top_p", List.of(1.0),
          "top_k", List.of(0.0, -1.0),
          "min_p", List.of(0.0),
          "repetition_penalty", List.of(1.0),
          "min_new_tokens", List.of(0.0));

  private static final Set<String> OPTION_NAMES = optionNames();

  /**
   * How a text is sent while it is written.
   *
   * @param wanted whether it is
   * @param usage whether the last chunk tells the cost
   * @param wholeTexts whether every chunk has the whole text as it is then, as Mercury's do with
   *     {@code diffusing}, instead of what is added to it
   */
  public record Streaming(boolean wanted, boolean usage, boolean wholeTexts) {}

  /** Takes its own copies. */
  public GenerationParameters {
    options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
    spellings = Map.copyOf(spellings);
    stop = List.copyOf(stop);
  }

  private static Set<String> optionNames() {
    Set<String> names = new LinkedHashSet<>(List.of("sampler"));
    SamplingOptions.SAMPLERS.forEach(sampler -> names.addAll(SamplingOptions.names(sampler)));
    return names;
  }

  /**
   * Reads what is of a generation.
   *
   * @throws RequestException naming the first parameter that is wrong
   */
  public static GenerationParameters read(Fields fields) {
    requireNothing(fields);
    Map<String, Object> options = new LinkedHashMap<>();
    Map<String, String> spellings = new LinkedHashMap<>();
    for (String name : OPTION_NAMES) {
      option(fields, name, name, options, spellings);
      for (String other : OTHER_NAMES.getOrDefault(name, List.of())) {
        option(fields, name, other, options, spellings);
      }
    }
    boolean stream = fields.flag("stream");
    Optional<Fields> streamOptions = fields.object("stream_options");
    if (streamOptions.isPresent() && !stream) {
      throw RequestException.wrong(
          "stream_options", "stream_options are for a stream: use them with stream true.");
    }
    boolean usage = streamOptions.map(each -> each.flag("include_usage")).orElse(false);
    streamOptions.ifPresent(Fields::requireAllKnown);
    boolean diffusing = fields.flag("diffusing");
    if (diffusing && !stream) {
      throw RequestException.wrong(
          "diffusing", "diffusing true is for a stream: use it with stream true.");
    }
    return new GenerationParameters(
        fields.text("model"),
        options,
        spellings,
        fields.integer("n", 1, MOST_TEXTS).orElse(1),
        stops(fields),
        new Streaming(stream, usage, diffusing),
        fields.flag("return_steps"),
        fields.flag("record"));
  }

  /** Parameters of others that are right as long as they ask for nothing. */
  private static void requireNothing(Fields fields) {
    for (String name : List.of("frequency_penalty", "presence_penalty")) {
      fields
          .value(name)
          .filter(value -> !value.isNumber() || value.doubleValue() != 0)
          .ifPresent(
              value -> {
                throw fields.wrong(name, value, "0, since no sampler has it");
              });
    }
    fields
        .value("logit_bias")
        .filter(value -> !value.isObject() || !value.isEmpty())
        .ifPresent(
            value -> {
              throw fields.wrong("logit_bias", value, "{}, since no sampler has it");
            });
    Optional<String> _ = fields.text("user");
  }

  private static void option(
      Fields fields,
      String reference,
      String spelled,
      Map<String, Object> options,
      Map<String, String> spellings) {
    Optional<JsonNode> given = fields.value(spelled);
    if (given.isEmpty()) {
      return;
    }
    JsonNode json = given.get();
    Object value = scalar(fields, spelled, json);
    if (NEUTRAL.getOrDefault(reference, List.of()).contains(json.asDouble(Double.NaN))) {
      return;
    }
    Object before = options.put(reference, value);
    if (before != null && !before.equals(value)) {
      throw RequestException.wrong(
          spelled,
          "%s %s and %s %s are the same option: use one of them."
              .formatted(spelled, value, spellings.getOrDefault(reference, reference), before));
    }
    if (!spelled.equals(reference)) {
      spellings.put(reference, spelled);
    }
  }

  private static Object scalar(Fields fields, String name, JsonNode value) {
    if (name.equals("sampler") && !value.isString()) {
      throw fields.wrong(name, value, "one of " + String.join(", ", SamplingOptions.SAMPLERS));
    }
    if (value.isString()) {
      return value.stringValue();
    }
    if (value.isBoolean()) {
      return value.booleanValue();
    }
    if (value.isInt()) {
      return value.intValue();
    }
    if (value.isLong()) {
      return value.longValue();
    }
    if (value.isFloatingPointNumber() && Double.isFinite(value.doubleValue())) {
      return value.doubleValue();
    }
    throw fields.wrong(
        name, value, value.isNumber() ? "a number nearer to 0" : "a number, a string or a boolean");
  }

  private static List<String> stops(Fields fields) {
    Optional<JsonNode> given = fields.value("stop");
    if (given.isEmpty()) {
      return List.of();
    }
    JsonNode value = given.get();
    List<JsonNode> all = value.isArray() ? List.copyOf(value.values()) : List.of(value);
    List<String> stops = new ArrayList<>();
    for (JsonNode each : all) {
      if (!each.isString() || each.stringValue().isEmpty() || all.size() > MOST_STOPS) {
        throw fields.wrong(
            "stop", value, "a string or a list of up to " + MOST_STOPS + ", none of them empty");
      }
      stops.add(each.stringValue());
    }
    return stops;
  }

  /** The name that the request gave a reference option by. */
  public String spelled(String reference) {
    return spellings.getOrDefault(reference, reference);
  }

  /** The options of one of the texts of a prompt, counted from 0. */
  public Map<String, Object> options(int text) {
    Map<String, Object> own = new LinkedHashMap<>(options);
    if (text > 0) {
      own.put("seed", (own.get("seed") instanceof Number seed ? seed.longValue() : 0) + text);
    }
    return own;
  }

  /** The error for an option that a sampler or the model refuses, in the request's own words. */
  public RequestException refused(InvalidOptionException refused) {
    return RequestException.of(refused, this::spelled);
  }
}
