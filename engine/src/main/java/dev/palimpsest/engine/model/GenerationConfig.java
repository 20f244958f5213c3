package dev.palimpsest.engine.model;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;

/**
 * What a model's {@code generation_config.json} recommends to whoever samples from it. Keys that
 * are not named here are of other engines, and are left alone.
 *
 * @param steps {@code steps}
 * @param genLength {@code gen_length}
 * @param blockLength {@code block_length}
 * @param temperature {@code temperature}; 0 if {@code do_sample} is false
 * @param topP {@code top_p}; empty if {@code do_sample} is false
 * @param topK {@code top_k}, where 0 keeps everything; empty if {@code do_sample} is false
 * @param eos the ids of {@code eos_token_id}, a number or a list; empty if it names none
 */
public record GenerationConfig(
    OptionalInt steps,
    OptionalInt genLength,
    OptionalInt blockLength,
    OptionalDouble temperature,
    OptionalDouble topP,
    OptionalInt topK,
    List<Integer> eos) {
  private static final String FILE = "generation_config.json";

  /** Recommends nothing. */
  public static final GenerationConfig NONE =
      new GenerationConfig(
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty(),
          OptionalInt.empty(),
          List.of());

  /** Copies the list. */
  public GenerationConfig {
    eos = List.copyOf(eos);
  }

  /**
   * Reads the file of a model's folder; without one, nothing is recommended.
   *
   * @param spec the model, whose ids are those that may end a text
   * @throws CheckpointException if the file is malformed, naming the key and its value
   */
  public static GenerationConfig read(Path folder, ModelSpec spec) {
    Path file = folder.resolve(FILE);
    return Files.isRegularFile(file)
        ? new Reader(file, JsonFile.readObject(file)).read(spec)
        : NONE;
  }

  /** What it recommends, by its keys, for people; without the ids, which the model shows. */
  public Map<String, Object> shown() {
    Map<String, Object> shown = new LinkedHashMap<>();
    genLength.ifPresent(value -> shown.put("gen_length", value));
    blockLength.ifPresent(value -> shown.put("block_length", value));
    steps.ifPresent(value -> shown.put("steps", value));
    temperature.ifPresent(value -> shown.put("temperature", value));
    topP.ifPresent(value -> shown.put("top_p", value));
    topK.ifPresent(value -> shown.put("top_k", value));
    return shown;
  }

  /** The values of one file. */
  private record Reader(Path file, JsonNode config) {
    GenerationConfig read(ModelSpec spec) {
      boolean draws = draws();
      OptionalDouble temperature = temperature();
      OptionalDouble topP = topP();
      OptionalInt topK = integer("top_k", 0, Integer.MAX_VALUE);
      return new GenerationConfig(
          integer("steps", 1, Config.MAX_COUNT),
          integer("gen_length", 1, Config.MAX_COUNT),
          integer("block_length", 1, Config.MAX_COUNT),
          draws ? temperature : OptionalDouble.of(0),
          draws ? topP : OptionalDouble.empty(),
          draws ? topK : OptionalInt.empty(),
          eos(spec));
    }

    private boolean draws() {
      JsonNode value = config.path("do_sample");
      if (isGiven(value) && !value.isBoolean()) {
        throw bad("do_sample", value, "true or false");
      }
      return !isGiven(value) || value.booleanValue();
    }

    private OptionalDouble temperature() {
      JsonNode value = config.path("temperature");
      if (!isGiven(value)) {
        return OptionalDouble.empty();
      }
      double number = value.isNumber() ? value.doubleValue() : Double.NaN;
      if (!(number >= 0 && Double.isFinite(number))) {
        throw bad("temperature", value, "a number of 0 or above");
      }
      return OptionalDouble.of(number);
    }

    private OptionalDouble topP() {
      JsonNode value = config.path("top_p");
      if (!isGiven(value)) {
        return OptionalDouble.empty();
      }
      double number = value.isNumber() ? value.doubleValue() : Double.NaN;
      if (!(number > 0 && number <= 1)) {
        throw bad("top_p", value, "a number above 0, up to 1");
      }
      return OptionalDouble.of(number);
    }

    private OptionalInt integer(String key, int low, int high) {
      JsonNode value = config.path(key);
      return isGiven(value) ? OptionalInt.of(integer(key, value, low, high)) : OptionalInt.empty();
    }

    private int integer(String key, JsonNode value, int low, int high) {
      boolean whole = value.isIntegralNumber() && value.canConvertToInt();
      if (!whole || value.intValue() < low || value.intValue() > high) {
        throw bad(key, value, "an integer from " + low + " to " + high);
      }
      return value.intValue();
    }

    private List<Integer> eos(ModelSpec spec) {
      String key = "eos_token_id";
      JsonNode value = config.path(key);
      List<Integer> ids = new ArrayList<>();
      if (value.isArray()) {
        value.values().forEach(each -> ids.add(integer(key, each, 0, spec.vocabulary() - 1)));
      } else if (isGiven(value)) {
        ids.add(integer(key, value, 0, spec.vocabulary() - 1));
      }
      if (spec.ids().mask().isPresent() && ids.contains(spec.ids().mask().getAsInt())) {
        throw bad(key, value, "ids other than the mask's");
      }
      return ids;
    }

    private static boolean isGiven(JsonNode value) {
      return !value.isMissingNode() && !value.isNull();
    }

    private CheckpointException bad(String key, JsonNode value, String needed) {
      return new CheckpointException(
          "%s: %s is %s; %s is needed.".formatted(file, key, Config.shown(value), needed));
    }
  }
}
