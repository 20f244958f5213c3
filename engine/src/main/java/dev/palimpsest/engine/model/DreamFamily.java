package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * Dream (Ye et al., "Dream 7B", 2025), Dream-Coder and DiffuCoder: Qwen2's layers with attention
 * over the whole canvas; the output at a position predicts the next one.
 */
final class DreamFamily {
  static final Family FAMILY =
      new Family(
          "dream", Set.of("Dream"), Set.of("DreamModel"), DreamFamily::spec, LlamaStyle.NAMES);

  private static final int PUBLISHED_MASK = 151_666;

  private DreamFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(
            FAMILY.name(),
            new AttentionPattern.Full(),
            Set.of(LlamaStyle.Trait.PROJECTION_BIAS, LlamaStyle.Trait.SHIFTED),
            Set.of("attention_bias", "mlp_bias")),
        FeedForward.dense(LlamaStyle.feedForwardWidth(config)),
        LlamaStyle.mask(config, PUBLISHED_MASK));
  }
}
