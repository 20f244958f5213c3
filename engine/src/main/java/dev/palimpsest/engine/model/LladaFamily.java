package dev.palimpsest.engine.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * The LLaDA family (Nie et al., "Large Language Diffusion Models", 2025): from {@code config.json}
 * to a {@link ModelSpec}, and the published names of its tensors.
 *
 * <p>Every key that decides the arithmetic must be there or has the default of the published {@code
 * configuration_llada.py}; one whose value the engine lacks is refused. Keys that cannot change a
 * forward pass (dropouts, {@code init_*}, {@code flash_attention}, those of Transformers itself)
 * are ignored, and so are keys that the published configuration does not know.
 */
public final class LladaFamily {
  /** The family's {@code model_type}. */
  public static final String MODEL_TYPE = "llada";

  private static final String TRANSFORMER = "model.transformer.";
  private static final int MAX_WIDTH = 1 << 20;
  private static final int MAX_COUNT = 1 << 24;

  /** Keys without a default that the engine could have, and their one supported value, as JSON. */
  private static final Map<String, String> REQUIRED =
      ordered(
          "block_type", "\"llama\"",
          "layer_norm_type", "\"rms\"",
          "activation_type", "\"silu\"",
          "rope", "true");

  /** Keys that may be absent or null, and their one supported value, as JSON. */
  private static final Map<String, String> OPTIONAL =
      ordered(
          "alibi", "false",
          "rope_full_precision", "true",
          "rope_scaling", "null",
          "include_bias", "false",
          "include_qkv_bias", "false",
          "bias_for_layer_norm", "false",
          "layer_norm_with_affine", "true",
          "attention_layer_norm", "false",
          "multi_query_attention", "false",
          "clip_qkv", "null",
          "scale_logits", "false",
          "input_emb_norm", "false",
          "block_group_size", "1",
          "quantization_config", "null");

  private LladaFamily() {}

  /**
   * The model that {@code config} describes.
   *
   * <p>{@link ModelSpec#vocabulary()} is {@code embedding_size} where it is given: the rows that
   * the embedding and the head have, over which the published model takes its argmax.
   *
   * @throws UnsupportedModelException naming the key that is missing, bad or asks for what the
   *     engine lacks
   */
  public static ModelSpec spec(JsonNode config) {
    JsonNode type = config.path("model_type");
    if (!type.isString() || !type.stringValue().equals(MODEL_TYPE)) {
      throw new UnsupportedModelException(
          type.isMissingNode()
              ? "config.json has no model_type; \"llada\" is supported."
              : "config.json has model_type %s; \"llada\" is supported.".formatted(shown(type)));
    }
    REQUIRED.forEach((key, supported) -> requireOnly(key, required(config, key), supported));
    OPTIONAL.forEach(
        (key, supported) -> {
          if (isGiven(config, key)) {
            requireOnly(key, config.path(key), supported);
          }
        });

    int hidden = integer(config, "d_model", 1, MAX_WIDTH);
    int heads = integer(config, "n_heads", 1, hidden);
    if (hidden % heads != 0 || hidden / heads % 2 != 0) {
      throw bad(config, "n_heads", "d_model %d split into heads of an even size".formatted(hidden));
    }
    int keyValueHeads =
        isGiven(config, "n_kv_heads") ? integer(config, "n_kv_heads", 1, heads) : heads;
    if (heads % keyValueHeads != 0) {
      throw bad(config, "n_kv_heads", "a divisor of n_heads " + heads);
    }
    if (isGiven(config, "multi_query_attention") && keyValueHeads != heads) {
      throw bad(config, "multi_query_attention", "null beside n_kv_heads " + keyValueHeads);
    }
    int vocabulary = integer(config, "vocab_size", 1, MAX_COUNT);
    if (isGiven(config, "embedding_size")) {
      vocabulary = integer(config, "embedding_size", vocabulary, MAX_COUNT);
    }
    return new ModelSpec(
        MODEL_TYPE,
        vocabulary,
        hidden,
        integer(config, "n_layers", 1, 10_000),
        heads,
        keyValueHeads,
        hidden / heads,
        feedForward(config, hidden),
        positive(config, "rms_norm_eps"),
        positive(config, "rope_theta"),
        integer(config, "max_sequence_length", 1, MAX_COUNT),
        bool(config, "weight_tying"),
        integer(config, "mask_token_id", 0, vocabulary - 1),
        integer(config, "eos_token_id", 0, vocabulary - 1),
        integer(config, "pad_token_id", 0, vocabulary - 1));
  }

  private static int feedForward(JsonNode config, int hidden) {
    if (isGiven(config, "mlp_hidden_size")) {
      return integer(config, "mlp_hidden_size", 1, MAX_WIDTH);
    }
    return isGiven(config, "mlp_ratio")
        ? hidden * integer(config, "mlp_ratio", 1, MAX_WIDTH / hidden)
        : hidden * 4;
  }

  /** The shapes of all tensors of a checkpoint, by name; a tied head has none of its own. */
  public static Map<String, List<Long>> tensors(ModelSpec spec) {
    long hidden = spec.hidden();
    long queries = (long) spec.heads() * spec.headSize();
    long keys = (long) spec.keyValueHeads() * spec.headSize();
    long inner = spec.feedForward();
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    shapes.put(embedding(), List.of((long) spec.vocabulary(), hidden));
    for (int layer = 0; layer < spec.layers(); layer++) {
      shapes.put(attentionNorm(layer), List.of(hidden));
      shapes.put(query(layer), List.of(queries, hidden));
      shapes.put(key(layer), List.of(keys, hidden));
      shapes.put(value(layer), List.of(keys, hidden));
      shapes.put(attentionOut(layer), List.of(hidden, queries));
      shapes.put(feedForwardNorm(layer), List.of(hidden));
      shapes.put(gate(layer), List.of(inner, hidden));
      shapes.put(up(layer), List.of(inner, hidden));
      shapes.put(down(layer), List.of(hidden, inner));
    }
    shapes.put(finalNorm(), List.of(hidden));
    shapes.put(head(spec), List.of((long) spec.vocabulary(), hidden));
    return shapes;
  }

  /** Token embedding, {@code [vocabulary, hidden]}. */
  public static String embedding() {
    return TRANSFORMER + "wte.weight";
  }

  /** RMSNorm before attention, {@code [hidden]}. */
  public static String attentionNorm(int layer) {
    return block(layer, "attn_norm");
  }

  /** Query projection, {@code [heads · headSize, hidden]}. */
  public static String query(int layer) {
    return block(layer, "q_proj");
  }

  /** Key projection, {@code [keyValueHeads · headSize, hidden]}. */
  public static String key(int layer) {
    return block(layer, "k_proj");
  }

  /** Value projection, {@code [keyValueHeads · headSize, hidden]}. */
  public static String value(int layer) {
    return block(layer, "v_proj");
  }

  /** Attention's output projection, {@code [hidden, heads · headSize]}. */
  public static String attentionOut(int layer) {
    return block(layer, "attn_out");
  }

  /** RMSNorm before the feed-forward, {@code [hidden]}. */
  public static String feedForwardNorm(int layer) {
    return block(layer, "ff_norm");
  }

  /** The projection that SiLU is applied to, {@code [feedForward, hidden]}. */
  public static String gate(int layer) {
    return block(layer, "ff_proj");
  }

  /** The projection that the gate multiplies, {@code [feedForward, hidden]}. */
  public static String up(int layer) {
    return block(layer, "up_proj");
  }

  /** The feed-forward's output projection, {@code [hidden, feedForward]}. */
  public static String down(int layer) {
    return block(layer, "ff_out");
  }

  /** RMSNorm before the head, {@code [hidden]}. */
  public static String finalNorm() {
    return TRANSFORMER + "ln_f.weight";
  }

  /** The head, {@code [vocabulary, hidden]}: the embedding where it is tied. */
  public static String head(ModelSpec spec) {
    return spec.tiedHead() ? embedding() : TRANSFORMER + "ff_out.weight";
  }

  private static String block(int layer, String leaf) {
    return TRANSFORMER + "blocks." + layer + "." + leaf + ".weight";
  }

  private static boolean isGiven(JsonNode config, String key) {
    JsonNode value = config.path(key);
    return !value.isMissingNode() && !value.isNull();
  }

  private static JsonNode required(JsonNode config, String key) {
    if (!isGiven(config, key)) {
      throw new UnsupportedModelException(
          "config.json has no value for " + key + ", which a llada model needs.");
    }
    return config.path(key);
  }

  private static void requireOnly(String key, JsonNode value, String supported) {
    if (!value.toString().equals(supported)) {
      throw new UnsupportedModelException(
          "config.json asks for %s %s, which this engine lacks; it has %s."
              .formatted(key, shown(value), supported));
    }
  }

  private static int integer(JsonNode config, String key, int low, int high) {
    JsonNode value = required(config, key);
    if (!value.isIntegralNumber() || !value.canConvertToInt()) {
      throw bad(config, key, "an integer from %d to %d".formatted(low, high));
    }
    int number = value.intValue();
    if (number < low || number > high) {
      throw bad(config, key, "an integer from %d to %d".formatted(low, high));
    }
    return number;
  }

  private static double positive(JsonNode config, String key) {
    JsonNode value = required(config, key);
    double number = value.isNumber() ? value.asDouble(0) : 0;
    if (!(number > 0 && Double.isFinite(number))) {
      throw bad(config, key, "a number above 0");
    }
    return number;
  }

  private static boolean bool(JsonNode config, String key) {
    JsonNode value = required(config, key);
    if (!value.isBoolean()) {
      throw bad(config, key, "true or false");
    }
    return value.booleanValue();
  }

  private static UnsupportedModelException bad(JsonNode config, String key, String needed) {
    return new UnsupportedModelException(
        "config.json has %s %s; %s is needed.".formatted(key, shown(config.path(key)), needed));
  }

  private static String shown(JsonNode value) {
    String json = value.toString();
    return json.length() > 120 ? json.substring(0, 120) + "…" : json;
  }

  private static Map<String, String> ordered(String... keysAndValues) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      map.put(keysAndValues[i], keysAndValues[i + 1]);
    }
    return map;
  }
}
