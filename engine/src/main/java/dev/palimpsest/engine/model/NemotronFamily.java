package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * Nemotron-Labs-Diffusion (Fu et al., NVIDIA, 2026): Ministral 3's layers, with YaRN and queries
 * that grow with their position. A text is written causally, or block after block behind a causal
 * context, or in blocks that are then checked causally: three ways in one checkpoint.
 */
final class NemotronFamily {
  static final Family FAMILY =
      new Family(
          "nemotron-labs-diffusion",
          Set.of("nemotron_labs_diffusion"),
          Set.of("NemotronLabsDiffusionModel"),
          NemotronFamily::spec,
          LlamaStyle.names("encoder.", "diffusion_head.weight"));

  private static final int PUBLISHED_MASK = 100;
  private static final int PUBLISHED_BLOCK = 32;

  private static final Map<String, String> OPTIONAL =
      Config.ordered("dlm_paradigm", "\"bidirectional\"", "sliding_window", "null");

  private NemotronFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    config.allow(OPTIONAL);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(
            FAMILY.name(),
            new AttentionPattern.CausalContext(
                config.integerOr("block_size", PUBLISHED_BLOCK, 1, Config.MAX_COUNT)),
            Set.of(),
            Set.of()),
        FeedForward.dense(LlamaStyle.feedForwardWidth(config)),
        LlamaStyle.mask(config, PUBLISHED_MASK));
  }
}
