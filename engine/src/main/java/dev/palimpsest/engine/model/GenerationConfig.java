package dev.palimpsest.engine.model;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.checkpoint.JsonFile;
import dev.palimpsest.step.AttentionPattern;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.DoublePredicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A model's {@code generation_config.json}: what it recommends to whoever samples from it, with the
 * defaults of Transformers' {@code GenerationConfig} for what it leaves out.
 *
 * <p>There, {@code do_sample} is false unless it is given, which makes the rest of a draw idle. The
 * samplers of diffusion models know no {@code do_sample}: for them a temperature speaks for itself.
 *
 * @param steps {@code steps}
 * @param genLength {@code gen_length}; of a causal model, and of one with canvases, {@code
 *     max_new_tokens}
 * @param blockLength {@code block_length}
 * @param temperature {@code temperature}; 0 without {@code do_sample}, 1 with it and nothing else
 * @param topP {@code top_p}, for those who draw
 * @param topK {@code top_k}, for those who draw; 0 keeps everything
 * @param minP {@code min_p}, for those who draw; of causal models, as all that follows
 * @param repetitionPenalty {@code repetition_penalty}
 * @param noRepeatNgramSize {@code no_repeat_ngram_size}
 * @param minNewTokens {@code min_new_tokens}
 * @param eos the ids of {@code eos_token_id}, a number or a list; empty if it names none
 * @param denoising of canvases, of a model that has them
 */
public record GenerationConfig(
    OptionalInt steps,
    OptionalInt genLength,
    OptionalInt blockLength,
    OptionalDouble temperature,
    OptionalDouble topP,
    OptionalInt topK,
    OptionalDouble minP,
    OptionalDouble repetitionPenalty,
    OptionalInt noRepeatNgramSize,
    OptionalInt minNewTokens,
    List<Integer> eos,
    Optional<Denoising> denoising) {
  private static final String FILE = "generation_config.json";

  /** Transformers' {@code top_k} where one draws and names none. */
  private static final int TOP_K = 50;

  /** Recommends nothing. */
  public static final GenerationConfig NONE =
      new GenerationConfig(
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty(),
          OptionalInt.empty(),
          OptionalDouble.empty(),
          OptionalDouble.empty(),
          OptionalInt.empty(),
          OptionalInt.empty(),
          List.of(),
          Optional.empty());

  /**
   * Keys that change a text and no sampler here has, with the values that change nothing, as JSON.
   */
  private static final Map<String, List<String>> LACKING =
      lacking(
          "bad_words_ids", "[]",
          "begin_suppress_tokens", "[]",
          "constraints", "[]",
          "diversity_penalty", "0",
          "dola_layers", "",
          "encoder_no_repeat_ngram_size", "0",
          "encoder_repetition_penalty", "1",
          "epsilon_cutoff", "0",
          "eta_cutoff", "0",
          "exponential_decay_length_penalty", "",
          "force_words_ids", "[]",
          "forced_bos_token_id", "",
          "forced_eos_token_id", "",
          "frequency_penalty", "0",
          "guidance_scale", "1",
          "max_length", "20",
          "max_time", "",
          "min_length", "0",
          "num_beam_groups", "1",
          "num_beams", "1",
          "penalty_alpha", "0",
          "presence_penalty", "0",
          "sequence_bias", "",
          "stop_strings", "[]",
          "suppress_tokens", "[]",
          "token_healing", "false",
          "top_h", "",
          "typical_p", "1",
          "watermarking_config", "");

  /** Keys that only the sampler of causal models has, in the same form. */
  private static final Map<String, List<String>> CAUSAL =
      lacking(
          "max_new_tokens", "",
          "min_new_tokens", "0",
          "min_p", "0",
          "no_repeat_ngram_size", "0",
          "repetition_penalty", "1");

  /** What else such a sampler has that one of canvases has, too. */
  private static final String NEW_TOKENS = "max_new_tokens";

  /** Copies the list. */
  public GenerationConfig {
    eos = List.copyOf(eos);
  }

  private static Map<String, List<String>> lacking(String... keysAndNeutrals) {
    Map<String, List<String>> map = new LinkedHashMap<>();
    Config.ordered(keysAndNeutrals)
        .forEach((key, neutral) -> map.put(key, List.of(neutral, neutral + ".0")));
    return map;
  }

  /**
   * Reads the file of a model's folder; without one, nothing is recommended but what the published
   * code of a model with canvases does by default.
   *
   * @param spec the model, whose ids are those that may end a text
   * @param notices is told what is recommended and not followed
   * @throws CheckpointException if the file is malformed, naming the key and its value
   */
  public static GenerationConfig read(Path folder, ModelSpec spec, Consumer<String> notices) {
    Path file = folder.resolve(FILE);
    if (Files.isRegularFile(file)) {
      return new Reader(file, JsonFile.readObject(file), spec, notices).read();
    }
    return spec.canvas().isPresent()
        ? new Reader(file, JsonMapper.shared().createObjectNode(), spec, notices).read()
        : NONE;
  }

  /**
   * The recommendations by their keys, as they are shown; without the ids, which the model shows.
   */
  public Map<String, Object> shown() {
    Map<String, Object> shown = new LinkedHashMap<>();
    genLength.ifPresent(value -> shown.put("gen_length", value));
    blockLength.ifPresent(value -> shown.put("block_length", value));
    steps.ifPresent(value -> shown.put("steps", value));
    temperature.ifPresent(value -> shown.put("temperature", value));
    topP.ifPresent(value -> shown.put("top_p", value));
    topK.ifPresent(value -> shown.put("top_k", value));
    minP.ifPresent(value -> shown.put("min_p", value));
    repetitionPenalty.ifPresent(value -> shown.put("repetition_penalty", value));
    noRepeatNgramSize.ifPresent(value -> shown.put("no_repeat_ngram_size", value));
    minNewTokens.ifPresent(value -> shown.put("min_new_tokens", value));
    denoising.ifPresent(
        each -> {
          shown.put("max_denoising_steps", each.steps());
          shown.put("t_min", each.lowestTemperature());
          shown.put("t_max", each.highestTemperature());
          shown.put("entropy_bound", each.entropyBound());
          shown.put("stability_threshold", each.stabilityThreshold());
          shown.put("confidence_threshold", each.confidenceThreshold());
        });
    return shown;
  }

  /** The values of one file. */
  private static final class Reader {
    private final Path file;
    private final JsonNode config;
    private final ModelSpec spec;
    private final Consumer<String> notices;
    private final boolean causal;
    private final boolean draws;

    Reader(Path file, JsonNode config, ModelSpec spec, Consumer<String> notices) {
      this.file = file;
      this.config = config;
      this.spec = spec;
      this.notices = notices;
      causal =
          spec.attention().pattern() instanceof AttentionPattern.Causal && spec.canvas().isEmpty();
      draws = draws();
    }

    GenerationConfig read() {
      OptionalDouble temperature = temperature();
      OptionalDouble topP =
          number("top_p", draws, 0, 1, "a number above 0, up to 1", value -> value > 0);
      OptionalInt topK = topK();
      tellOfIdleDraws();
      tellOfWhatIsLacking();
      OptionalInt genLength = integer("gen_length", 1);
      return new GenerationConfig(
          integer("steps", 1),
          (causal || spec.canvas().isPresent()) && genLength.isEmpty()
              ? integer(NEW_TOKENS, 1)
              : genLength,
          integer("block_length", 1),
          temperature,
          topP,
          topK,
          causal
              ? number("min_p", draws, 0, 1, "a number from 0 to 1", _ -> true)
              : OptionalDouble.empty(),
          causal
              ? number(
                  "repetition_penalty",
                  true,
                  0,
                  Double.MAX_VALUE,
                  "a number above 0",
                  value -> value > 0)
              : OptionalDouble.empty(),
          causal ? integer("no_repeat_ngram_size", 0) : OptionalInt.empty(),
          causal ? integer("min_new_tokens", 0) : OptionalInt.empty(),
          eos(),
          spec.canvas().map(_ -> denoising()));
    }

    private Denoising denoising() {
      Denoising published = Denoising.PUBLISHED;
      double low = above("t_min", -Double.MIN_VALUE, published.lowestTemperature());
      double high = above("t_max", low, published.highestTemperature());
      return new Denoising(
          integer("max_denoising_steps", 1).orElse(published.steps()),
          low,
          high,
          entropyBound(published.entropyBound()),
          integer("stability_threshold", 0).orElse(published.stabilityThreshold()),
          above("confidence_threshold", 0, published.confidenceThreshold()));
    }

    private double above(String key, double bound, double otherwise) {
      String needed = bound < 0 ? "a number of 0 or above" : "a number above " + bound;
      double value =
          number(key, true, 0, Double.MAX_VALUE, needed, given -> given > bound).orElse(otherwise);
      if (value <= bound) {
        throw bad(key, config.path(key), needed);
      }
      return value;
    }

    private double entropyBound(double otherwise) {
      String key = "sampler_config";
      JsonNode sampler = config.path(key);
      JsonNode bound = sampler.path("entropy_bound");
      if (!isGiven(key)) {
        return otherwise;
      }
      if (!bound.isNumber() || !(bound.doubleValue() >= 0)) {
        throw bad(key, sampler, "a sampler with an entropy_bound of 0 or above");
      }
      return bound.doubleValue();
    }

    private boolean draws() {
      JsonNode value = config.path("do_sample");
      if (!isGiven("do_sample")) {
        return !causal;
      }
      if (!value.isBoolean()) {
        throw bad("do_sample", value, "true or false");
      }
      return value.booleanValue();
    }

    private OptionalDouble temperature() {
      OptionalDouble given =
          number("temperature", draws, 0, Double.MAX_VALUE, "a number of 0 or above", _ -> true);
      if (!draws) {
        return OptionalDouble.of(0);
      }
      return given.isEmpty() && isGiven("do_sample") ? OptionalDouble.of(1) : given;
    }

    private OptionalInt topK() {
      String key = "top_k";
      JsonNode value = config.path(key);
      if (value.isIntegralNumber() && value.canConvertToInt() && value.intValue() == -1) {
        notices.accept("generation_config.json has top_k -1, which is taken as 0: all ids.");
        return OptionalInt.of(0);
      }
      if (!draws && isGiven(key) && !isInteger(value, 0)) {
        tellOfIdle(key);
        return OptionalInt.empty();
      }
      OptionalInt given = integer(key, 0);
      return given.isEmpty() && causal && draws ? OptionalInt.of(TOP_K) : given;
    }

    /** A draw that is described and switched off by a default is easily taken for switched on. */
    private void tellOfIdleDraws() {
      List<String> idle = new ArrayList<>();
      for (String key : List.of("temperature", "top_p", "top_k", "min_p")) {
        if (isGiven(key)) {
          idle.add(key + " " + Config.shown(config.path(key)));
        }
      }
      if (!draws && !isGiven("do_sample") && !idle.isEmpty()) {
        notices.accept(
            ("generation_config.json has %s and no do_sample, which is false by default: the argmax"
                    + " is taken, and a temperature above 0 draws.")
                .formatted(String.join(", ", idle)));
      }
    }

    private void tellOfWhatIsLacking() {
      List<String> lacking = new ArrayList<>(recommended(LACKING));
      if (!causal) {
        lacking.addAll(recommended(CAUSAL));
      }
      if (spec.canvas().isPresent()) {
        lacking.removeIf(each -> each.startsWith(NEW_TOKENS));
      }
      if (!lacking.isEmpty()) {
        notices.accept(
            "generation_config.json recommends %s, which this model's samplers do not have."
                .formatted(String.join(", ", lacking)));
      }
    }

    private List<String> recommended(Map<String, List<String>> neutral) {
      return neutral.entrySet().stream()
          .filter(each -> isGiven(each.getKey()))
          .filter(each -> !each.getValue().contains(config.path(each.getKey()).toString()))
          .map(each -> each.getKey() + " " + Config.shown(config.path(each.getKey())))
          .toList();
    }

    /**
     * A number in a range.
     *
     * @param used whether it is; what is not and is no such number is a notice
     */
    private OptionalDouble number(
        String key, boolean used, double low, double high, String needed, DoublePredicate also) {
      if (!isGiven(key)) {
        return OptionalDouble.empty();
      }
      JsonNode value = config.path(key);
      double number = value.isNumber() ? value.doubleValue() : Double.NaN;
      if (number >= low && number <= high && also.test(number)) {
        return OptionalDouble.of(number);
      }
      if (used) {
        throw bad(key, value, needed);
      }
      tellOfIdle(key);
      return OptionalDouble.empty();
    }

    private void tellOfIdle(String key) {
      notices.accept(
          "generation_config.json has %s %s, which is no value for it and is not used."
              .formatted(key, Config.shown(config.path(key))));
    }

    private OptionalInt integer(String key, int low) {
      return isGiven(key)
          ? OptionalInt.of(integer(key, config.path(key), low))
          : OptionalInt.empty();
    }

    private int integer(String key, JsonNode value, int low) {
      if (!isInteger(value, low)) {
        throw bad(key, value, "an integer" + (low >= 0 ? " of " + low + " or above" : ""));
      }
      return value.intValue();
    }

    private static boolean isInteger(JsonNode value, int low) {
      return value.isIntegralNumber() && value.canConvertToInt() && value.intValue() >= low;
    }

    private List<Integer> eos() {
      String key = "eos_token_id";
      if (!isGiven(key)) {
        return List.of();
      }
      JsonNode value = config.path(key);
      List<Integer> ids = new ArrayList<>();
      for (JsonNode each : value.isArray() ? value.values() : List.of(value)) {
        int id = integer(key, each, Integer.MIN_VALUE);
        if (id >= 0 && id < spec.vocabulary()) {
          ids.add(id);
        } else {
          notices.accept(
              "generation_config.json has eos_token_id %d, which is not used: ids are 0 to %d."
                  .formatted(id, spec.vocabulary() - 1));
        }
      }
      if (spec.reading().ids().mask().isPresent()
          && ids.contains(spec.reading().ids().mask().getAsInt())) {
        throw bad(key, value, "ids other than the mask's");
      }
      return ids;
    }

    private boolean isGiven(String key) {
      JsonNode value = config.path(key);
      return !value.isMissingNode() && !value.isNull();
    }

    private CheckpointException bad(String key, JsonNode value, String needed) {
      return new CheckpointException(
          "%s: %s is %s; %s is needed.".formatted(file, key, Config.shown(value), needed));
    }
  }
}
