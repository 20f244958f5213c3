package dev.palimpsest.engine.model;

import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** The autoregressive baselines: Llama, Qwen2 (with biases) and Qwen3 (with a norm per head). */
public final class CausalFamilies {
  static final Family LLAMA =
      new Family(
          "llama",
          Set.of("llama"),
          Set.of("LlamaForCausalLM"),
          json -> spec(json, "llama", false, false),
          LlamaStyle.NAMES);

  static final Family QWEN2 =
      new Family(
          "qwen2",
          Set.of("qwen2"),
          Set.of("Qwen2ForCausalLM"),
          json -> spec(json, "qwen2", true, false),
          LlamaStyle.NAMES);

  static final Family QWEN3 =
      new Family(
          "qwen3",
          Set.of("qwen3"),
          Set.of("Qwen3ForCausalLM"),
          json -> spec(json, "qwen3", false, true),
          LlamaStyle.NAMES);

  private static final Map<String, String> OPTIONAL = Config.ordered("attention_bias", "false");

  private CausalFamilies() {}

  private static ModelSpec spec(
      JsonNode json, String family, boolean projectionBias, boolean headNorm) {
    Config config = new Config(json, family);
    config.allow(OPTIONAL);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Traits(
            family, projectionBias, headNorm, new AttentionPattern.Causal(), false),
        LlamaStyle.feedForward(config),
        Optional.empty(),
        OptionalInt.empty(),
        1);
  }
}
