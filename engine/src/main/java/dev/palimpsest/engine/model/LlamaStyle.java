package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/** The mapping that families share whose configurations and tensors are written as Llama's. */
final class LlamaStyle {
  private static final TensorNames.Matrices MATRICES =
      new TensorNames.Matrices("gate_proj.weight", "up_proj.weight", "down_proj.weight");

  /** A feed-forward's names. */
  static final TensorNames.FeedForward FEED_FORWARD =
      new TensorNames.FeedForward(
          "post_attention_layernorm.weight",
          MATRICES.under("mlp."),
          Optional.of(
              new TensorNames.Experts(
                  "mlp.gate.weight",
                  Optional.of("mlp.gate.expert_bias"),
                  "mlp.experts.",
                  MATRICES,
                  Optional.of(MATRICES.under("mlp.shared_experts.")))));

  /** The names of Llama, Qwen2, Qwen3, OLMoE and their like. */
  static final TensorNames NAMES = names("model.", "lm_head.weight");

  /** Keys of Gemma, whose layers are others: they mean nothing to any family here. */
  private static final Map<String, String> CAPS =
      Config.ordered("attn_logit_softcapping", "null", "final_logit_softcapping", "null");

  private static final double DEFAULT_THETA = 10_000;

  private static final Map<String, String> REQUIRED = Config.ordered("hidden_act", "\"silu\"");

  private static final Map<String, String> OPTIONAL =
      Config.ordered(
          "attention_bias", "false",
          "mlp_bias", "false",
          "quantization_config", "null");

  private static final Map<String, String> UNWINDOWED =
      Config.ordered("use_sliding_window", "false");

  static final String FULL = "full_attention";
  static final String SLIDING = "sliding_attention";

  /** What Qwen's configurations mean where they do not say. */
  private static final int DEFAULT_WINDOW = 4096;

  private static final int DEFAULT_UNWINDOWED_LAYERS = 28;

  private LlamaStyle() {}

  /**
   * Names as Llama's, behind a prefix.
   *
   * @param head of the output
   */
  static TensorNames names(String prefix, String head) {
    return new TensorNames(
        prefix + "embed_tokens.weight",
        prefix + "norm.weight",
        head,
        prefix + "layers.%d.",
        new TensorNames.Layer(
            new TensorNames.Attention(
                "input_layernorm.weight",
                List.of(
                    "self_attn.q_proj.weight",
                    "self_attn.k_proj.weight",
                    "self_attn.v_proj.weight"),
                Optional.of(
                    new TensorNames.HeadNorms(
                        "self_attn.q_norm.weight", "self_attn.k_norm.weight")),
                "self_attn.o_proj.weight"),
            FEED_FORWARD));
  }

  /** A point in which a family's layers differ from Llama's, and its configurations do not say. */
  enum Trait {
    /** Query, key and value projections have biases. */
    PROJECTION_BIAS,
    /** Every query and key head is normalized before its rotation. */
    HEAD_NORM,
    /** {@code partial_rotary_factor} is heeded. */
    PARTLY_ROTATED,
    /** {@code use_sliding_window} is heeded. */
    WINDOWED,
    /** The output at a position is the prediction of the next one. */
    SHIFTED,
    /** Left padding is counted in positions. */
    COUNTING_PADDING
  }

  /**
   * A family whose layers are Llama's but for its traits.
   *
   * @param name of the family
   * @param pattern which keys a query sees
   * @param meaningless keys of other families, which the published code does not read
   */
  record Variant(
      String name, AttentionPattern pattern, Set<Trait> traits, Set<String> meaningless) {
    boolean has(Trait trait) {
      return traits.contains(trait);
    }
  }

  /**
   * The model of a configuration with the usual keys.
   *
   * @param mask the id of a masked position
   */
  static ModelSpec spec(Config config, Variant variant, FeedForward feedForward, OptionalInt mask) {
    config.require(REQUIRED);
    config.allow(OPTIONAL, variant.meaningless());
    config.allow(CAPS, CAPS.keySet());
    int hidden = config.integer("hidden_size", 1, Config.MAX_WIDTH);
    int layers = config.integer("num_hidden_layers", 1, Config.MAX_LAYERS);
    int heads = config.integer("num_attention_heads", 1, hidden);
    int keyValueHeads = config.integerOr("num_key_value_heads", heads, 1, heads);
    if (heads % keyValueHeads != 0) {
      throw config.bad("num_key_value_heads", "a divisor of num_attention_heads " + heads);
    }
    int headSize = headSize(config, hidden, heads);
    int vocabulary = config.integer("vocab_size", 1, Config.MAX_COUNT);
    int maxPositions = config.integer("max_position_embeddings", 1, Config.MAX_COUNT);
    Rotary rotary =
        RotaryConfig.read(
            config,
            Optional.of(DEFAULT_THETA),
            headSize,
            variant.has(Trait.PARTLY_ROTATED),
            maxPositions);
    double normEpsilon = config.positive("rms_norm_eps");
    boolean tiedHead = config.boolOr("tie_word_embeddings", false);
    Reading plain = new Reading(config.ids(vocabulary, mask));
    Reading reading = variant.has(Trait.COUNTING_PADDING) ? plain.countingPadding() : plain;
    Attention attention =
        new Attention(
            heads,
            keyValueHeads,
            headSize,
            variant.has(Trait.PROJECTION_BIAS),
            variant.has(Trait.HEAD_NORM),
            rotary,
            variant.pattern());
    return new ModelSpec(
        variant.name(),
        layers,
        hidden,
        normEpsilon,
        windows(config, variant, layers).stream().map(attention::within).toList(),
        feedForward,
        vocabulary,
        tiedHead,
        rotary.scaling().reach(maxPositions),
        variant.has(Trait.SHIFTED) ? reading.shiftedByOne() : reading,
        ResidualStream.PLAIN,
        Optional.empty());
  }

  /** The mask's id, from the configuration or else as published. */
  static OptionalInt mask(Config config, int published) {
    int vocabulary = config.integer("vocab_size", 1, Config.MAX_COUNT);
    return OptionalInt.of(config.integerOr("mask_token_id", published, 0, vocabulary - 1));
  }

  /** The mask that a configuration has to name. */
  static OptionalInt namedMask(Config config) {
    int vocabulary = config.integer("vocab_size", 1, Config.MAX_COUNT);
    return OptionalInt.of(config.integer("mask_token_id", 0, vocabulary - 1));
  }

  /** Inner width of a dense feed-forward. */
  static int feedForwardWidth(Config config) {
    return config.integer("intermediate_size", 1, Config.MAX_WIDTH);
  }

  private static int headSize(Config config, int hidden, int heads) {
    if (config.isGiven("head_dim")) {
      int size = config.integer("head_dim", 2, Config.MAX_WIDTH);
      if (size % 2 != 0) {
        throw config.bad("head_dim", "an even number");
      }
      return size;
    }
    if (hidden % heads != 0 || hidden / heads % 2 != 0) {
      throw config.bad(
          "num_attention_heads",
          "hidden_size %d split into heads of an even size".formatted(hidden));
    }
    return hidden / heads;
  }

  /**
   * Of each layer, how many keys a query sees, or of all if they see all. The layers with a window
   * are those that are named so or, if none is named, those from {@code max_window_layers} on.
   */
  private static List<Integer> windows(Config config, Variant variant, int layers) {
    if (!variant.has(Trait.WINDOWED) || !config.boolOr("use_sliding_window", false)) {
      config.allow(UNWINDOWED, variant.meaningless());
      requireFullLayers(config, variant);
      return List.of(Attention.ALL_KEYS);
    }
    int window = config.integerOr("sliding_window", DEFAULT_WINDOW, 1, Config.MAX_COUNT);
    int full =
        config.integerOr("max_window_layers", DEFAULT_UNWINDOWED_LAYERS, 0, Config.MAX_COUNT);
    String key = "layer_types";
    List<String> types =
        config.isGiven(key)
            ? config.strings(key)
            : IntStream.range(0, layers).mapToObj(i -> i < full ? FULL : SLIDING).toList();
    if (types.size() != layers || !Set.of(FULL, SLIDING).containsAll(types)) {
      throw config.bad(
          key, "\"%s\" or \"%s\" for each of %d layers".formatted(FULL, SLIDING, layers));
    }
    return types.stream()
        .map(type -> type.equals(SLIDING) ? window : Integer.valueOf(Attention.ALL_KEYS))
        .toList();
  }

  private static void requireFullLayers(Config config, Variant variant) {
    String key = "layer_types";
    if (!config.isGiven(key) || config.strings(key).stream().allMatch(type -> type.equals(FULL))) {
      return;
    }
    if (!variant.meaningless().contains(key)) {
      throw config.lacks(key, "\"full_attention\" in every layer");
    }
    config.unused(key, "it means nothing to a %s model".formatted(variant.name()));
  }
}
