package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * LLaDA2.0 and 2.1 (Bie et al., "LLaDA2.0: Scaling Up Diffusion Language Models to 100B", 2025):
 * block-causal attention with a norm per head and half the head rotated; a grouped sigmoid router,
 * a shared expert, dense first layers.
 *
 * <p>The block length is that of training, 32, and named in no configuration.
 */
final class Llada2Family {
  static final Family FAMILY =
      new Family(
          "llada2",
          Set.of("llada2_moe", "llada21_moe", "llada2_moe_veomni"),
          Set.of("LLaDA2MoeModelLM"),
          Llada2Family::spec,
          new TensorNames(
              "model.word_embeddings.weight",
              "model.norm.weight",
              "lm_head.weight",
              "model.layers.%d.",
              new TensorNames.Layer(
                  new TensorNames.Attention(
                      "input_layernorm.weight",
                      List.of("attention.query_key_value.weight"),
                      Optional.of(
                          new TensorNames.HeadNorms(
                              "attention.query_layernorm.weight",
                              "attention.key_layernorm.weight")),
                      "attention.dense.weight"),
                  LlamaStyle.FEED_FORWARD)));

  private static final int PUBLISHED_MASK = 156_895;
  private static final int PUBLISHED_BLOCK = 32;

  private static final Map<String, String> REQUIRED =
      Config.ordered("score_function", "\"sigmoid\"");

  private static final Map<String, String> OPTIONAL =
      Config.ordered(
          "use_qkv_bias", "false",
          "use_bias", "false",
          "use_rmsnorm", "true",
          "use_qk_norm", "true",
          "norm_topk_prob", "true",
          "norm_head", "false",
          "norm_softmax", "false",
          "using_split_qkv_in_self_attention", "false",
          // LLaDA2.2 inserts and deletes positions by ids of their own.
          "delete_token_id", "null",
          "split_token_id", "null");

  private Llada2Family() {}

  private static ModelSpec spec(JsonNode json, Consumer<String> notices) {
    Config config = new Config(json, FAMILY.name(), notices);
    config.require(REQUIRED);
    config.allow(OPTIONAL);
    int count = config.integer("num_experts", 1, Config.MAX_WIDTH);
    int width = config.integer("moe_intermediate_size", 1, Config.MAX_WIDTH);
    int groups = config.integer("n_group", 1, count);
    int kept = config.integer("topk_group", 1, groups);
    if (count % groups != 0 || count / groups < 2) {
      throw config.bad("n_group", "groups of two experts or more of num_experts " + count);
    }
    int perToken = config.integer("num_experts_per_tok", 1, count / groups * kept);
    int shared = config.integerOr("num_shared_experts", 0, 0, Config.MAX_WIDTH / width);
    int denseLayers = config.integerOr("first_k_dense_replace", 0, 0, Config.MAX_LAYERS);
    Router router =
        new Router.GroupedSigmoid(
            groups,
            kept,
            config.boolOr("moe_router_enable_expert_bias", false),
            config.positiveOr("routed_scaling_factor", 1));
    Experts experts =
        new Experts(count, perToken, width, router)
            .withShared(shared * width)
            .fromLayer(denseLayers);
    return LlamaStyle.spec(
        config,
        new LlamaStyle.Variant(
            FAMILY.name(),
            new AttentionPattern.BlockCausal(
                config.integerOr("block_length", PUBLISHED_BLOCK, 1, Config.MAX_COUNT)),
            Set.of(LlamaStyle.Trait.HEAD_NORM, LlamaStyle.Trait.PARTLY_ROTATED),
            Set.of("attention_bias", "mlp_bias")),
        new FeedForward(LlamaStyle.feedForwardWidth(config), Optional.of(experts)),
        LlamaStyle.mask(config, PUBLISHED_MASK));
  }
}
