package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * WeDLM (Liu et al., Tencent, 2025): Qwen2.5's or Qwen3's layers with causal attention, in which
 * the masks of a text stand behind all that is known of it, each at its own position.
 */
final class WedlmFamily {
  static final Family FAMILY =
      new Family(
          "wedlm",
          Set.of("wedlm"),
          Set.of("WeDLMForCausalLM"),
          WedlmFamily::spec,
          LlamaStyle.NAMES);

  private static final Map<String, String> OPTIONAL = Config.ordered("mlp_bias", "false");

  /** What the published engine takes where no configuration names a mask. */
  private static final int PUBLISHED_MASK = 151_665;

  private WedlmFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    config.allow(OPTIONAL);
    Set<LlamaStyle.Trait> traits = new TreeSet<>(Set.of(LlamaStyle.Trait.WINDOWED));
    if (config.boolOr("qk_norm", false)) {
      traits.add(LlamaStyle.Trait.HEAD_NORM);
    }
    if (config.boolOr("attention_bias", true)) {
      traits.add(LlamaStyle.Trait.PROJECTION_BIAS);
    }
    OptionalInt mask = LlamaStyle.mask(config, PUBLISHED_MASK);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(
            FAMILY.name(),
            new AttentionPattern.KnownFirst(mask.orElseThrow()),
            traits,
            Set.of("attention_bias")),
        FeedForward.dense(LlamaStyle.feedForwardWidth(config)),
        mask);
  }
}
