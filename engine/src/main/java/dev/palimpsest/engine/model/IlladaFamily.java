package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * iLLaDA (Nie et al., "Improved Large Language Diffusion Models", 2026): Llama's layers with
 * attention over the whole canvas, written by LLaDA's sampler.
 */
final class IlladaFamily {
  static final Family FAMILY =
      new Family(
          "illada",
          Set.of("illada"),
          Set.of("ILLaDAForCausalLM"),
          IlladaFamily::spec,
          LlamaStyle.NAMES);

  /** {@code <[MASK]>}, which no configuration names: the published README's {@code mask_id=5}. */
  private static final int PUBLISHED_MASK = 5;

  private static final Map<String, String> OPTIONAL = Config.ordered("layer_norm_eps", "null");

  private IlladaFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    config.allow(OPTIONAL);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(
            FAMILY.name(),
            new AttentionPattern.Full(),
            Set.of(LlamaStyle.Trait.COUNTING_PADDING),
            Set.of("use_sliding_window", "layer_types")),
        FeedForward.dense(LlamaStyle.feedForwardWidth(config)),
        LlamaStyle.mask(config, PUBLISHED_MASK));
  }
}
