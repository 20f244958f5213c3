package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * SDAR (Cheng et al., "SDAR: A Synergistic Diffusion-AutoRegression Paradigm", 2025) and TraDo:
 * Qwen3's layers, dense or of experts, with block-causal attention.
 */
final class SdarFamily {
  static final Family FAMILY =
      new Family(
          "sdar",
          Set.of("sdar", "sdar_moe"),
          Set.of("SDARForCausalLM", "SDARMoeForCausalLM"),
          SdarFamily::spec,
          LlamaStyle.NAMES);

  private static final int PUBLISHED_MASK = 151_669;
  private static final int PUBLISHED_BLOCK = 4;

  private static final Map<String, String> OPTIONAL = Config.ordered("use_regular_causal", "false");

  private static final Map<String, String> EXPERTS =
      Config.ordered(
          "decoder_sparse_step", "1",
          "mlp_only_layers", "[]");

  private SdarFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    config.allow(OPTIONAL);
    String key = config.isGiven("block_size") ? "block_size" : "block_length";
    int block = config.integerOr(key, PUBLISHED_BLOCK, 1, Config.MAX_COUNT);
    if (config.isGiven("block_length")
        && config.integer("block_length", 1, Config.MAX_COUNT) != block) {
      throw config.bad("block_length", "the block_size " + block);
    }
    Optional<Experts> experts =
        config.string("model_type").orElse("").equals("sdar_moe")
            ? Optional.of(experts(config))
            : Optional.empty();
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(
            FAMILY.name(),
            new AttentionPattern.BlockCausal(block),
            Set.of(LlamaStyle.Trait.HEAD_NORM),
            Set.of("mlp_bias")),
        new FeedForward(LlamaStyle.feedForwardWidth(config), experts),
        LlamaStyle.mask(config, PUBLISHED_MASK));
  }

  private static Experts experts(Config config) {
    config.allow(EXPERTS);
    int count = config.integer("num_experts", 1, Config.MAX_WIDTH);
    return new Experts(
        count,
        config.integer("num_experts_per_tok", 1, count),
        config.integer("moe_intermediate_size", 1, Config.MAX_WIDTH),
        new Router.Softmax(config.boolOr("norm_topk_prob", false)));
  }
}
