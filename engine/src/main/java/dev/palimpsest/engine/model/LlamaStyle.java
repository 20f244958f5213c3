package dev.palimpsest.engine.model;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** What families share whose configurations and tensors are written as Llama's. */
final class LlamaStyle {
  /** The names of Llama, Qwen2, Qwen3, OLMoE and their like. */
  static final TensorNames NAMES =
      new TensorNames(
          "model.embed_tokens.weight",
          "model.norm.weight",
          "lm_head.weight",
          "model.layers.%d.",
          "input_layernorm.weight",
          List.of("self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"),
          "self_attn.q_norm.weight",
          "self_attn.k_norm.weight",
          "self_attn.o_proj.weight",
          "post_attention_layernorm.weight",
          "mlp.",
          "gate_proj.weight",
          "up_proj.weight",
          "down_proj.weight",
          "mlp.gate.weight",
          "mlp.gate.expert_bias",
          "mlp.experts.",
          "mlp.shared_experts.");

  private static final double DEFAULT_THETA = 10_000;

  private static final Map<String, String> REQUIRED = Config.ordered("hidden_act", "\"silu\"");

  private static final Map<String, String> OPTIONAL =
      Config.ordered(
          "mlp_bias", "false",
          "use_sliding_window", "false",
          "attn_logit_softcapping", "null",
          "final_logit_softcapping", "null",
          "quantization_config", "null");

  private LlamaStyle() {}

  /** What the families differ in, and their configurations do not say. */
  record Traits(
      String family,
      boolean projectionBias,
      boolean headNorm,
      AttentionPattern pattern,
      boolean shifted) {}

  /**
   * The model of a configuration with the usual keys.
   *
   * @param feedForward inner width of a dense feed-forward
   * @param mask the id of a masked position
   */
  static ModelSpec spec(
      Config config,
      Traits traits,
      int feedForward,
      Optional<Experts> experts,
      OptionalInt mask,
      double partialRotary) {
    config.require(REQUIRED);
    config.allow(OPTIONAL);
    requireFullLayers(config);
    int hidden = config.integer("hidden_size", 1, Config.MAX_WIDTH);
    int layers = config.integer("num_hidden_layers", 1, Config.MAX_LAYERS);
    int heads = config.integer("num_attention_heads", 1, hidden);
    int keyValueHeads = config.integerOr("num_key_value_heads", heads, 1, heads);
    if (heads % keyValueHeads != 0) {
      throw config.bad("num_key_value_heads", "a divisor of num_attention_heads " + heads);
    }
    int headSize = headSize(config, hidden, heads);
    int vocabulary = config.integer("vocab_size", 1, Config.MAX_COUNT);
    int rotarySize = (int) (headSize * partialRotary);
    if (rotarySize < 2 || rotarySize % 2 != 0) {
      throw config.bad("partial_rotary_factor", "an even part of a head of " + headSize);
    }
    int maxLength = config.integer("max_position_embeddings", 1, Config.MAX_COUNT);
    Rotary rotary = rotary(config, rotarySize, maxLength);
    if (rotary.scaling() instanceof RotaryScaling.Yarn yarn) {
      maxLength = Math.max(maxLength, (int) (yarn.factor() * yarn.trainedLength()));
    }
    return new ModelSpec(
        traits.family(),
        vocabulary,
        hidden,
        layers,
        heads,
        keyValueHeads,
        headSize,
        traits.projectionBias(),
        traits.headNorm(),
        rotary,
        traits.pattern(),
        feedForward,
        experts,
        config.positive("rms_norm_eps"),
        maxLength,
        config.boolOr("tie_word_embeddings", false),
        traits.shifted(),
        false,
        config.ids(vocabulary, mask));
  }

  /** The mask's id, from the configuration or else as published. */
  static OptionalInt mask(Config config, int published) {
    int vocabulary = config.integer("vocab_size", 1, Config.MAX_COUNT);
    return OptionalInt.of(config.integerOr("mask_token_id", published, 0, vocabulary - 1));
  }

  static int feedForward(Config config) {
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

  private static void requireFullLayers(Config config) {
    if (!config.isGiven("layer_types")) {
      return;
    }
    for (String type : config.strings("layer_types")) {
      if (!type.equals("full_attention")) {
        throw config.lacks("layer_types", "\"full_attention\" in every layer");
      }
    }
  }

  /** Of {@code rope_theta} and {@code rope_scaling}, or of {@code rope_parameters} with both. */
  private static Rotary rotary(Config config, int size, int maxLength) {
    if (config.isGiven("rope_parameters")) {
      Config parameters = config.object("rope_parameters");
      double theta = parameters.positiveOr("rope_theta", DEFAULT_THETA);
      return new Rotary(theta, size, scaling(config, "rope_parameters", parameters, maxLength));
    }
    double theta = config.positiveOr("rope_theta", DEFAULT_THETA);
    RotaryScaling scaling =
        config.isGiven("rope_scaling")
            ? scaling(config, "rope_scaling", config.object("rope_scaling"), maxLength)
            : new RotaryScaling.None();
    return new Rotary(theta, size, scaling);
  }

  private static RotaryScaling scaling(Config config, String key, Config scaling, int maxLength) {
    String type =
        scaling.string("rope_type").or(() -> scaling.string("type")).orElse("(no rope_type)");
    return switch (type) {
      case "default" -> {
        scaling.only(key, "rope_type", "type", "rope_theta");
        yield new RotaryScaling.None();
      }
      case "llama3" -> {
        scaling.only(
            key,
            "rope_type",
            "type",
            "rope_theta",
            "factor",
            "low_freq_factor",
            "high_freq_factor",
            "original_max_position_embeddings");
        double low = scaling.positive("low_freq_factor");
        double high = scaling.positive("high_freq_factor");
        if (!(high > low)) {
          throw scaling.bad("high_freq_factor", "more than low_freq_factor " + low);
        }
        yield new RotaryScaling.Llama3(
            scaling.positive("factor"),
            low,
            high,
            scaling.integer("original_max_position_embeddings", 1, Config.MAX_COUNT));
      }
      case "yarn" -> {
        scaling.only(
            key,
            "rope_type",
            "type",
            "rope_theta",
            "factor",
            "beta_fast",
            "beta_slow",
            "attention_factor",
            "original_max_position_embeddings");
        double factor = scaling.positive("factor");
        yield new RotaryScaling.Yarn(
            factor,
            scaling.positiveOr("beta_fast", 32),
            scaling.positiveOr("beta_slow", 1),
            scaling.integerOr("original_max_position_embeddings", maxLength, 1, Config.MAX_COUNT),
            scaling.positiveOr("attention_factor", RotaryScaling.Yarn.magnitude(factor)));
      }
      default -> throw config.lacks(key, "rope_type default, llama3 and yarn");
    };
  }
}
