package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * Fast-dLLM v2 (Wu et al., 2025): Qwen2.5's layers with block-causal attention; the output at a
 * position predicts the next one, so a block's first token is read at the end of the block before.
 */
final class FastDllmFamily {
  static final Family FAMILY =
      new Family(
          "fast-dllm",
          Set.of("Fast_dLLM_Qwen"),
          Set.of("Fast_dLLM_QwenForCausalLM"),
          FastDllmFamily::spec,
          LlamaStyle.NAMES);

  private static final int PUBLISHED_MASK = 151_665;
  private static final int PUBLISHED_BLOCK = 32;

  private FastDllmFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    int block = config.integerOr("bd_size", PUBLISHED_BLOCK, 1, Config.MAX_COUNT);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(
            FAMILY.name(),
            new AttentionPattern.BlockCausal(block),
            Set.of(LlamaStyle.Trait.PROJECTION_BIAS, LlamaStyle.Trait.SHIFTED),
            Set.of("attention_bias", "mlp_bias")),
        FeedForward.dense(LlamaStyle.feedForwardWidth(config)),
        LlamaStyle.mask(config, PUBLISHED_MASK));
  }
}
