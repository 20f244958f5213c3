package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * Dream (Ye et al., "Dream 7B", 2025), Dream-Coder and DiffuCoder: Qwen2's layers with attention
 * over the whole canvas; the output at a position predicts the next one.
 */
public final class DreamFamily {
  static final Family FAMILY =
      new Family(
          "dream", Set.of("Dream"), Set.of("DreamModel"), DreamFamily::spec, LlamaStyle.NAMES);

  private static final int PUBLISHED_MASK = 151_666;

  private DreamFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Traits(
            FAMILY.name(),
            true,
            false,
            new AttentionPattern.Full(),
            true,
            false,
            Set.of("attention_bias", "mlp_bias")),
        LlamaStyle.feedForward(config),
        Optional.empty(),
        LlamaStyle.mask(config, PUBLISHED_MASK));
  }
}
