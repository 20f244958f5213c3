package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;

/** Small checkpoints of random f32 weights whose attention does not look ahead of every token. */
public enum TinyFamily {
  /** Causal, with biases, grouped queries and heads of 10. */
  CAUSAL(
      """
      {"model_type": "qwen2", "hidden_size": 40, "num_attention_heads": 4, "num_key_value_heads": 2,
       "intermediate_size": 70, "vocab_size": 90, "num_hidden_layers": 2, "hidden_act": "silu",
       "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 700}
      """),
  /** Causal, with a norm per head and heads of 64. */
  WIDE_HEADS(
      """
      {"model_type": "qwen3", "hidden_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1,
       "head_dim": 64, "intermediate_size": 64, "vocab_size": 90, "num_hidden_layers": 3,
       "hidden_act": "silu", "rms_norm_eps": 1e-6, "max_position_embeddings": 700}
      """),
  /** Causal; in the second of three layers a token sees 40 keys. */
  WINDOWED(
      """
      {"model_type": "qwen3", "hidden_size": 48, "num_attention_heads": 2, "num_key_value_heads": 1,
       "head_dim": 64, "intermediate_size": 64, "vocab_size": 90, "num_hidden_layers": 3,
       "hidden_act": "silu", "rms_norm_eps": 1e-6, "use_sliding_window": true, "sliding_window": 40,
       "layer_types": ["full_attention", "sliding_attention", "full_attention"],
       "max_position_embeddings": 700}
      """),
  /** Blocks of 4. */
  BLOCKS(
      """
      {"model_type": "sdar", "block_size": 4, "hidden_size": 32, "num_attention_heads": 2,
       "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 50, "vocab_size": 90,
       "num_hidden_layers": 2, "hidden_act": "silu", "rms_norm_eps": 1e-6, "mask_token_id": 89,
       "max_position_embeddings": 700}
      """),
  /** Blocks of 7, of experts, half a head rotated. */
  EXPERTS(
      """
      {"model_type": "llada2_moe", "block_length": 7, "hidden_size": 32, "num_attention_heads": 4,
       "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 50, "vocab_size": 90,
       "moe_intermediate_size": 20, "num_experts": 8, "num_experts_per_tok": 2, "n_group": 4,
       "topk_group": 2, "num_shared_experts": 1, "first_k_dense_replace": 1,
       "routed_scaling_factor": 2.5, "score_function": "sigmoid", "partial_rotary_factor": 0.5,
       "moe_router_enable_expert_bias": true, "num_hidden_layers": 2, "hidden_act": "silu",
       "rms_norm_eps": 1e-6, "mask_token_id": 89, "max_position_embeddings": 700}
      """),
  /**
   * A canvas of 12 behind causal tokens, windows of 9 keys, experts beside a dense feed-forward.
   */
  CANVAS(
      """
      {"model_type": "diffusion_gemma", "canvas_length": 12, "text_config": {"hidden_size": 32,
       "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 90,
       "intermediate_size": 50, "moe_intermediate_size": 24, "num_experts": 8, "top_k_experts": 2,
       "num_hidden_layers": 3, "sliding_window": 9, "hidden_activation": "gelu_pytorch_tanh",
       "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
       "global_head_dim": 32, "num_global_key_value_heads": 1, "max_position_embeddings": 700}}
      """),
  /** Blocks of 32 whose output is shifted. */
  SHIFTED(
      """
      {"model_type": "Fast_dLLM_Qwen", "bd_size": 32, "hidden_size": 32, "num_attention_heads": 2,
       "num_key_value_heads": 2, "intermediate_size": 50, "vocab_size": 90, "mask_token_id": 89,
       "num_hidden_layers": 2, "hidden_act": "silu", "rms_norm_eps": 1e-6,
       "max_position_embeddings": 700}
      """);

  private final String config;

  TinyFamily(String config) {
    this.config = config;
  }

  public ModelSpec spec() {
    return Families.spec(JsonMapper.shared().readTree(config));
  }

  public void write(Path folder, long seed) {
    TinyCheckpoint.write(folder, config, seed);
  }

  Transformer load(Path folder, HostBackend backend, long kvCacheBytes) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return Transformer.load(checkpoint, spec(), backend, kvCacheBytes, _ -> {});
    }
  }
}
