package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

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

  /** Of Gemma, whose layers are others: they mean nothing to any family here. */
  private static final Map<String, String> CAPS =
      Config.ordered("attn_logit_softcapping", "null", "final_logit_softcapping", "null");

  private static final double DEFAULT_THETA = 10_000;

  private static final Map<String, String> REQUIRED = Config.ordered("hidden_act", "\"silu\"");

  private static final Map<String, String> OPTIONAL =
      Config.ordered(
          "attention_bias", "false",
          "mlp_bias", "false",
          "use_sliding_window", "false",
          "quantization_config", "null");

  private LlamaStyle() {}

  /**
   * What the families differ in, and their configurations do not say.
   *
   * @param isPartlyRotated whether {@code partial_rotary_factor} is heeded
   * @param meaningless keys of other families, which the published code does not read
   */
  record Traits(
      String family,
      boolean projectionBias,
      boolean headNorm,
      AttentionPattern pattern,
      boolean shifted,
      boolean isPartlyRotated,
      Set<String> meaningless) {}

  /**
   * The model of a configuration with the usual keys.
   *
   * @param feedForward inner width of a dense feed-forward
   * @param mask the id of a masked position
   */
  static ModelSpec spec(
      Config config, Traits traits, int feedForward, Optional<Experts> experts, OptionalInt mask) {
    config.require(REQUIRED);
    config.allow(OPTIONAL, traits.meaningless());
    config.allow(CAPS, CAPS.keySet());
    requireFullLayers(config, traits);
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
            config, Optional.of(DEFAULT_THETA), headSize, traits.isPartlyRotated(), maxPositions);
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
        rotary.scaling().reach(maxPositions),
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

  private static void requireFullLayers(Config config, Traits traits) {
    String key = "layer_types";
    if (!config.isGiven(key)
        || config.strings(key).stream().allMatch(type -> type.equals("full_attention"))) {
      return;
    }
    if (!traits.meaningless().contains(key)) {
      throw config.lacks(key, "\"full_attention\" in every layer");
    }
    config.unused(key, "it means nothing to a %s model".formatted(traits.family()));
  }
}
