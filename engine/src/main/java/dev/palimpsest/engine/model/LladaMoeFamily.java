package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * LLaDA-MoE (Zhu et al., "LLaDA-MoE: A Sparse MoE Diffusion Language Model", 2025): OLMoE's layers
 * with a norm per head and attention over the whole canvas; a softmax router in every layer.
 *
 * <p>The published checkpoints have the {@code model_type} of the dense LLaDA and are told by their
 * {@code architectures}; their mask is named only in the model card.
 */
final class LladaMoeFamily {
  static final Family FAMILY =
      new Family(
          "lladamoe",
          Set.of("lladamoe", "llada"),
          Set.of("LLaDAMoEModelLM", "LLaDAMoEModel"),
          LladaMoeFamily::spec,
          LlamaStyle.NAMES);

  private static final int PUBLISHED_MASK = 156_895;

  private static final Map<String, String> REQUIRED = Config.ordered("qk_layernorm", "true");

  private static final Map<String, String> OPTIONAL =
      Config.ordered(
          "clip_qkv", "null",
          "moe_router_score_function", "\"softmax\"",
          "moe_router_enable_expert_bias", "false",
          "moe_router_topk_scaling_factor", "null",
          "n_group", "null",
          "num_expert_group", "null",
          "router_num_group", "null",
          "router_topk_scaling_factor", "null",
          "shared_expert_intermediate_size", "null");

  private LladaMoeFamily() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    config.require(REQUIRED);
    config.allow(OPTIONAL);
    int layers = config.integer("num_hidden_layers", 1, Config.MAX_LAYERS);
    if (config.isGiven("moe_layer_freq")) {
      for (int sparse : config.integers("moe_layer_freq", 0, 1)) {
        if (sparse != 1) {
          throw config.lacks("moe_layer_freq", "experts in every layer");
        }
      }
      if (config.integers("moe_layer_freq", 0, 1).size() != layers) {
        throw config.bad("moe_layer_freq", "a 1 for each of the %d layers".formatted(layers));
      }
    }
    int count = config.integer("num_experts", 1, Config.MAX_WIDTH);
    Experts experts =
        new Experts(
            count,
            config.integer("num_experts_per_tok", 1, count),
            config.integer("expert_intermediate_size", 1, Config.MAX_WIDTH),
            new Router.Softmax(config.boolOr("norm_topk_prob", false)));
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(
            FAMILY.name(),
            new AttentionPattern.Full(),
            Set.of(LlamaStyle.Trait.HEAD_NORM, LlamaStyle.Trait.PARTLY_ROTATED),
            Set.of("mlp_bias")),
        new FeedForward(
            config.integerOr("dense_intermediate_size", experts.width(), 1, Config.MAX_WIDTH),
            Optional.of(experts)),
        LlamaStyle.mask(config, PUBLISHED_MASK));
  }
}
