package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.HashSet;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * dllm's A2D, "AR to diffusion" (Zhou et al., 2025), of which Tiny-A2D is one: the layers of Llama,
 * Qwen2 or Qwen3 without their causal mask. A checkpoint was trained to fill whole canvases (mdlm)
 * or block after block (bd3lm), and its configuration does not say which.
 */
final class A2dFamilies {
  private static final String PREFIX = "a2d-";

  /** {@code <|mask|>}, which dllm adds behind the ids of the tokenizer. */
  private static final int QWEN2_MASK = 151_665;

  private static final int QWEN3_MASK = 151_669;

  /** Windows mean nothing: every layer sees the whole canvas. */
  private static final Set<String> MEANINGLESS =
      Set.of("use_sliding_window", "layer_types", "mlp_bias");

  static final Family LLAMA = family("llama", "A2DLlamaLMHeadModel", Set.of(), OptionalInt.empty());

  static final Family QWEN2 =
      family(
          "qwen2",
          "A2DQwen2LMHeadModel",
          Set.of(LlamaStyle.Trait.PROJECTION_BIAS),
          OptionalInt.of(QWEN2_MASK));

  static final Family QWEN3 =
      family(
          "qwen3",
          "A2DQwen3LMHeadModel",
          Set.of(LlamaStyle.Trait.HEAD_NORM),
          OptionalInt.of(QWEN3_MASK));

  private A2dFamilies() {}

  /** Whether a family is one of these. */
  static boolean has(String family) {
    return family.startsWith(PREFIX);
  }

  private static Family family(
      String base, String architecture, Set<LlamaStyle.Trait> traits, OptionalInt mask) {
    String name = PREFIX + base;
    return new Family(
        name,
        Set.of(name),
        Set.of(architecture),
        (json, notices) -> spec(json, notices, name, traits, mask),
        LlamaStyle.NAMES);
  }

  private static ModelSpec spec(
      JsonNode json,
      Consumer<String> notices,
      String family,
      Set<LlamaStyle.Trait> traits,
      OptionalInt mask) {
    Config config = new Config(json, family, notices);
    Set<String> meaningless = new HashSet<>(MEANINGLESS);
    if (traits.contains(LlamaStyle.Trait.PROJECTION_BIAS)) {
      meaningless.add("attention_bias");
    }
    AttentionPattern pattern;
    if (config.isGiven("block_size")) {
      pattern =
          new AttentionPattern.BlocksFromEnd(config.integer("block_size", 1, Config.MAX_COUNT));
    } else {
      pattern = new AttentionPattern.Full();
    }
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(family, pattern, traits, meaningless),
        FeedForward.dense(LlamaStyle.feedForwardWidth(config)),
        mask.isPresent() ? LlamaStyle.mask(config, mask.getAsInt()) : LlamaStyle.namedMask(config));
  }
}
