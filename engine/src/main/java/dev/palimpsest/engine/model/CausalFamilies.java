package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * The autoregressive baselines: Llama, Qwen2 (with biases) and Qwen3 (with a norm per head). One
 * that was trained to fill masks as well names its {@code mask_token_id}.
 */
final class CausalFamilies {
  static final Family LLAMA =
      new Family(
          "llama",
          Set.of("llama"),
          Set.of("LlamaForCausalLM"),
          (json, notices) ->
              spec(json, notices, "llama", Set.of(), Set.of("use_sliding_window", "layer_types")),
          LlamaStyle.NAMES);

  static final Family QWEN2 =
      new Family(
          "qwen2",
          Set.of("qwen2"),
          Set.of("Qwen2ForCausalLM"),
          (json, notices) ->
              spec(
                  json,
                  notices,
                  "qwen2",
                  Set.of(LlamaStyle.Trait.PROJECTION_BIAS, LlamaStyle.Trait.WINDOWED),
                  Set.of("attention_bias", "mlp_bias")),
          LlamaStyle.NAMES);

  static final Family QWEN3 =
      new Family(
          "qwen3",
          Set.of("qwen3"),
          Set.of("Qwen3ForCausalLM"),
          (json, notices) ->
              spec(
                  json,
                  notices,
                  "qwen3",
                  Set.of(LlamaStyle.Trait.HEAD_NORM, LlamaStyle.Trait.WINDOWED),
                  Set.of("mlp_bias")),
          LlamaStyle.NAMES);

  private CausalFamilies() {}

  private static ModelSpec spec(
      JsonNode json,
      Consumer<String> notices,
      String family,
      Set<LlamaStyle.Trait> traits,
      Set<String> meaningless) {
    Config config = new Config(json, family, notices);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(family, new AttentionPattern.Causal(), traits, meaningless),
        FeedForward.dense(LlamaStyle.feedForwardWidth(config)),
        config.isGiven("mask_token_id") ? LlamaStyle.namedMask(config) : OptionalInt.empty());
  }
}
