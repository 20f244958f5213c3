package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/**
 * DiffusionGemma (Google, 2026): Gemma 4's layers of experts beside a dense feed-forward, run
 * causally over a prompt and over finished canvases, and in both directions over the canvas that is
 * written. Both share every weight but the scalars of layers. Its text alone: images are not read.
 *
 * <p>Embeddings are multiplied by {@code sqrt(hidden)}, as the published code does in f32; in bf16
 * it rounds that number too, 53.07 to 53.
 */
final class DiffusionGemmaFamily {
  private static final TensorNames.Matrices MATRICES =
      new TensorNames.Matrices("gate_proj.weight", "up_proj.weight", "down_proj.weight");

  static final Family FAMILY =
      new Family(
          "diffusion_gemma",
          Set.of("diffusion_gemma"),
          Set.of("DiffusionGemmaForBlockDiffusion"),
          DiffusionGemmaFamily::spec,
          new TensorNames(
              "model.decoder.embed_tokens.weight",
              "model.decoder.norm.weight",
              "lm_head.weight",
              "model.decoder.layers.%d.",
              new TensorNames.Layer(
                  new TensorNames.Attention(
                      "input_layernorm.weight",
                      Optional.of("post_attention_layernorm.weight"),
                      List.of(
                          "self_attn.q_proj.weight",
                          "self_attn.k_proj.weight",
                          "self_attn.v_proj.weight"),
                      Optional.of(
                          new TensorNames.HeadNorms(
                              "self_attn.q_norm.weight", "self_attn.k_norm.weight")),
                      "self_attn.o_proj.weight"),
                  new TensorNames.FeedForward(
                      "pre_feedforward_layernorm.weight",
                      Optional.of("post_feedforward_layernorm.weight"),
                      MATRICES.under("mlp."),
                      Optional.of(
                          new TensorNames.Experts(
                              "router.proj.weight",
                              Optional.empty(),
                              Optional.of(
                                  new TensorNames.RouterScales(
                                      "router.scale", "router.per_expert_scale")),
                              "experts.",
                              MATRICES,
                              Optional.of(MATRICES.under("mlp.")))),
                      Optional.of(
                          new TensorNames.BranchNorms(
                              "post_feedforward_layernorm_1.weight",
                              "pre_feedforward_layernorm_2.weight",
                              "post_feedforward_layernorm_2.weight"))),
                  Optional.of("layer_scalar")),
              Optional.of(
                  new TensorNames.Canvas(
                      "model.encoder.language_model.layers.%d.layer_scalar",
                      "model.decoder.self_conditioning.pre_norm.weight",
                      MATRICES.under("model.decoder.self_conditioning."))),
              List.of("model.encoder.vision_tower.", "model.encoder.embed_vision.")));

  private static final int DEFAULT_CANVAS = 256;
  private static final int DEFAULT_GLOBAL_HEAD = 512;
  private static final int FULL_EVERY = 6;
  private static final double DEFAULT_CAP = 30;
  private static final double DEFAULT_EPSILON = 1e-6;
  private static final double SLIDING_THETA = 10_000;
  private static final double FULL_THETA = 1_000_000;
  private static final double DEFAULT_PART = 0.25;
  private static final String CAP = "final_logit_softcapping";
  private static final String TYPES = "layer_types";
  private static final String PART = "partial_rotary_factor";
  private static final String TYPE = "rope_type";

  private static final Map<String, String> OPTIONAL =
      Config.ordered(
          "attention_bias", "false",
          "attention_k_eq_v", "true",
          "attn_logit_softcapping", "null",
          "enable_moe_block", "true",
          "hidden_activation", "\"gelu_pytorch_tanh\"",
          "hidden_size_per_layer_input", "0",
          "num_kv_shared_layers", "0",
          "quantization_config", "null",
          "tie_word_embeddings", "true",
          "use_double_wide_mlp", "false");

  private DiffusionGemmaFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config outer = new Config(json, FAMILY.name(), notices);
    outer.allow(Config.ordered("tie_word_embeddings", "true", "quantization_config", "null"));
    Config config =
        outer.object("text_config").orElseThrow(() -> outer.bad("text_config", "an object"));
    if (outer.isGiven("vision_config")) {
      notices.accept(
          "config.json has a vision_config, which is not used: images are not read, and the weights"
              + " of their tower are skipped.");
    }
    config.allow(OPTIONAL);
    requireCausalText(config);
    int hidden = config.integer("hidden_size", 1, Config.MAX_WIDTH);
    int layers = config.integer("num_hidden_layers", 1, Config.MAX_LAYERS);
    int vocabulary = config.integer("vocab_size", 1, Config.MAX_COUNT);
    int width = config.integer("intermediate_size", 1, Config.MAX_WIDTH);
    int count = config.integer("num_experts", 1, Config.MAX_WIDTH);
    int canvas = outer.integerOr("canvas_length", DEFAULT_CANVAS, 1, Config.MAX_COUNT);
    Experts experts =
        new Experts(
                count,
                config.integer("top_k_experts", 1, count),
                config.integer("moe_intermediate_size", 1, Config.MAX_WIDTH),
                new Router.ScaledSoftmax())
            .withShared(width)
            .withGate(Gate.TANH_GELU);
    Reading reading = new Reading(config.ids(vocabulary, OptionalInt.empty()));
    return new ModelSpec(
        FAMILY.name(),
        layers,
        hidden,
        config.positiveOr("rms_norm_eps", DEFAULT_EPSILON),
        attentions(config, layers, new AttentionPattern.Canvas(canvas)),
        new FeedForward(width, Gate.TANH_GELU, Optional.of(experts)),
        vocabulary,
        true,
        config.integer("max_position_embeddings", 1, Config.MAX_COUNT),
        config.isNull(CAP) ? reading : reading.capped(config.positiveOr(CAP, DEFAULT_CAP)),
        new ResidualStream(Math.sqrt(hidden), BlockNorms.BEFORE_AND_AFTER, true),
        Optional.of(new Canvas(canvas, width)));
  }

  /** Images may look in both directions, text may not. */
  private static void requireCausalText(Config config) {
    String key = "use_bidirectional_attention";
    if (config.string(key).filter(value -> !value.equals("vision")).isPresent()) {
      throw config.lacks(key, "null or \"vision\"");
    }
  }

  private static List<Attention> attentions(Config config, int layers, AttentionPattern pattern) {
    int heads = config.integer("num_attention_heads", 1, Config.MAX_WIDTH);
    int window = config.integer("sliding_window", 1, Config.MAX_COUNT);
    Heads usual =
        new Heads(
            config.integer("head_dim", 2, Config.MAX_WIDTH),
            config.integer("num_key_value_heads", 1, heads));
    Optional<Config> own = config.object("per_layer_config");
    Optional<Config> rotary = config.object("rope_parameters");
    List<String> types = types(config, layers);
    List<Attention> attentions = new ArrayList<>();
    for (int layer = 0; layer < layers; layer++) {
      String type = types.get(layer);
      boolean isFull = type.equals(LlamaStyle.FULL);
      Heads kept = isFull && own.isEmpty() ? global(config, usual, heads) : usual;
      String number = Integer.toString(layer);
      Heads here =
          own.flatMap(each -> each.object(number))
              .map(each -> kept.overridden(each, heads))
              .orElse(kept);
      if (heads % here.keyValueHeads() != 0) {
        throw config.bad(
            "num_attention_heads",
            "a multiple of layer %d's %d key and value heads"
                .formatted(layer, here.keyValueHeads()));
      }
      attentions.add(
          new Attention(
              heads,
              here.keyValueHeads(),
              here.size(),
              false,
              true,
              rotary(rotary.flatMap(each -> each.object(type)), here.size(), isFull),
              pattern,
              isFull ? Attention.ALL_KEYS : window,
              isFull ? Attention.Values.NORMED_KEYS : Attention.Values.NORMED,
              1));
    }
    return attentions;
  }

  /** How the heads of a layer's keys are. */
  private record Heads(int size, int keyValueHeads) {
    Heads overridden(Config own, int heads) {
      return new Heads(
          own.integerOr("head_dim", size, 2, Config.MAX_WIDTH),
          own.integerOr("num_key_value_heads", keyValueHeads, 1, heads));
    }
  }

  /** Those of layers that see all keys, in files that do not say it of every layer. */
  private static Heads global(Config config, Heads usual, int heads) {
    return new Heads(
        config.integerOr("global_head_dim", DEFAULT_GLOBAL_HEAD, 2, Config.MAX_WIDTH),
        config.integerOr("num_global_key_value_heads", usual.keyValueHeads(), 1, heads));
  }

  /** Every sixth layer sees all keys, if they are not named; the last does in any case. */
  private static List<String> types(Config config, int layers) {
    List<String> types =
        new ArrayList<>(
            config.isGiven(TYPES)
                ? config.strings(TYPES)
                : IntStream.range(0, layers)
                    .mapToObj(
                        layer ->
                            (layer + 1) % FULL_EVERY == 0 ? LlamaStyle.FULL : LlamaStyle.SLIDING)
                    .toList());
    if (types.size() != layers || !Set.of(LlamaStyle.FULL, LlamaStyle.SLIDING).containsAll(types)) {
      throw config.bad(
          TYPES,
          "\"%s\" or \"%s\" for each of %d layers"
              .formatted(LlamaStyle.FULL, LlamaStyle.SLIDING, layers));
    }
    types.set(layers - 1, LlamaStyle.FULL);
    return types;
  }

  private static Rotary rotary(Optional<Config> place, int headSize, boolean isFull) {
    if (place.isEmpty()) {
      return isFull
          ? new Rotary(FULL_THETA, headSize, new RotaryScaling.Proportional(DEFAULT_PART))
          : new Rotary(SLIDING_THETA, headSize, new RotaryScaling.None());
    }
    Config given = place.get();
    String type = given.string(TYPE).orElse("default");
    double part = given.positiveOr(PART, 1);
    RotaryScaling scaling =
        switch (type) {
          case "default" -> new RotaryScaling.None();
          case "proportional" -> new RotaryScaling.Proportional(part);
          default -> throw given.lacks(TYPE, "default and proportional");
        };
    if (part > 1 || (part != 1 && scaling instanceof RotaryScaling.None)) {
      throw given.lacks(PART, "1, or less with rope_type proportional");
    }
    return new Rotary(given.positive("rope_theta"), headSize, scaling);
  }
}
