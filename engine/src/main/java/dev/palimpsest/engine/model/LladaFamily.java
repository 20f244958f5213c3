package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
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
final class LladaFamily {
  static final Family FAMILY =
      new Family(
          "llada",
          Set.of("llada"),
          Set.of("LLaDAModelLM"),
          LladaFamily::spec,
          new TensorNames(
              "model.transformer.wte.weight",
              "model.transformer.ln_f.weight",
              "model.transformer.ff_out.weight",
              "model.transformer.blocks.%d.",
              new TensorNames.Layer(
                  new TensorNames.Attention(
                      "attn_norm.weight",
                      List.of("q_proj.weight", "k_proj.weight", "v_proj.weight"),
                      Optional.empty(),
                      "attn_out.weight"),
                  new TensorNames.FeedForward(
                      "ff_norm.weight",
                      new TensorNames.Matrices("ff_proj.weight", "up_proj.weight", "ff_out.weight"),
                      Optional.empty()))));

  /** Keys without a default that the engine could have, and their one supported value, as JSON. */
  private static final Map<String, String> REQUIRED =
      Config.ordered(
          "block_type", "\"llama\"",
          "layer_norm_type", "\"rms\"",
          "activation_type", "\"silu\"",
          "rope", "true");

  /** Keys that may be absent or null, and their one supported value, as JSON. */
  private static final Map<String, String> OPTIONAL =
      Config.ordered(
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
  static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    config.require(REQUIRED);
    config.allow(OPTIONAL);
    config.requireGiven("eos_token_id", "pad_token_id");
    int hidden = config.integer("d_model", 1, Config.MAX_WIDTH);
    int heads = config.integer("n_heads", 1, hidden);
    if (hidden % heads != 0 || hidden / heads % 2 != 0) {
      throw config.bad("n_heads", "d_model %d split into heads of an even size".formatted(hidden));
    }
    int keyValueHeads = config.integerOr("n_kv_heads", heads, 1, heads);
    if (heads % keyValueHeads != 0) {
      throw config.bad("n_kv_heads", "a divisor of n_heads " + heads);
    }
    if (config.isGiven("multi_query_attention") && keyValueHeads != heads) {
      throw config.bad("multi_query_attention", "null beside n_kv_heads " + keyValueHeads);
    }
    int vocabulary = config.integer("vocab_size", 1, Config.MAX_COUNT);
    vocabulary = config.integerOr("embedding_size", vocabulary, vocabulary, Config.MAX_COUNT);
    int maxLength = config.integer("max_sequence_length", 1, Config.MAX_COUNT);
    int mask = config.integer("mask_token_id", 0, vocabulary - 1);
    Rotary rotary = RotaryConfig.read(config, Optional.empty(), hidden / heads, false, maxLength);
    if (!(rotary.scaling() instanceof RotaryScaling.None)) {
      throw config.lacks("rope_parameters", "the rope_type default");
    }
    int layers = config.integer("n_layers", 1, Config.MAX_LAYERS);
    int width = feedForwardWidth(config, hidden);
    double normEpsilon = config.positive("rms_norm_eps");
    boolean tiedHead = config.bool("weight_tying");
    return new ModelSpec(
        FAMILY.name(),
        layers,
        hidden,
        normEpsilon,
        new Attention(heads, keyValueHeads, hidden / heads, rotary, new AttentionPattern.Full()),
        FeedForward.dense(width),
        vocabulary,
        tiedHead,
        maxLength,
        new Reading(config.ids(vocabulary, OptionalInt.of(mask))).countingPadding());
  }

  private static int feedForwardWidth(Config config, int hidden) {
    if (config.isGiven("mlp_hidden_size")) {
      return config.integer("mlp_hidden_size", 1, Config.MAX_WIDTH);
    }
    return hidden * config.integerOr("mlp_ratio", 4, 1, Config.MAX_WIDTH / hidden);
  }
}
