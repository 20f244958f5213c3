package dev.palimpsest.engine.probe;

import dev.palimpsest.engine.model.ModelSpec;

/**
 * A place in a forward where activations can be read, with TransformerLens's name of it. Of models
 * with grouped queries, keys and values have the key heads, as there.
 */
public enum Point {
  /** What the embedding gives: [positions, hidden]. */
  EMBED("hook_embed", false),
  /** The residual stream before a block: [positions, hidden]. */
  RESID_PRE("hook_resid_pre", false),
  /** The queries with their biases, neither normed nor rotated: [positions, heads · head size]. */
  Q("attn.hook_q", true),
  /** As {@link #Q}, the keys: [positions, key heads · head size]. */
  K("attn.hook_k", false),
  /** The values with their biases, normed if the model does: [positions, key heads · head size]. */
  V("attn.hook_v", false),
  /** The queries as the scores are taken of them, normed if the model does and rotated. */
  ROT_Q("attn.hook_rot_q", true),
  /** As {@link #ROT_Q}, the keys. */
  ROT_K("attn.hook_rot_k", false),
  /**
   * The probabilities of attention, [positions · heads, keys]: what a query does not see has 0.
   * Attention itself never writes them down; they are computed from queries and keys after the
   * step.
   */
  PATTERN("attn.hook_pattern", true),
  /** The heads' sums of values, before the output product: [positions, heads · head size]. */
  Z("attn.hook_z", true),
  /**
   * What attention adds to the residual stream: [positions, hidden]. The step adds while it
   * multiplies, so this product is computed beside it.
   */
  ATTN_OUT("hook_attn_out", true),
  /** The residual stream between attention and feed-forward: [positions, hidden]. */
  RESID_MID("hook_resid_mid", true),
  /**
   * What the feed-forward adds to the residual stream: [positions, hidden]. As {@link #ATTN_OUT};
   * of experts it is {@link #RESID_POST} less {@link #RESID_MID}.
   */
  MLP_OUT("hook_mlp_out", true),
  /** The residual stream after a block, scaled if the model does: [positions, hidden]. */
  RESID_POST("hook_resid_post", true),
  /** The last residual stream over its root mean square, before the gain: [positions, hidden]. */
  NORMALIZED("ln_final.hook_normalized", true);

  private final String suffix;
  private final boolean ofQueries;

  Point(String suffix, boolean ofQueries) {
    this.suffix = suffix;
    this.ofQueries = ofQueries;
  }

  /** Its name within a block, or in the model if it is of none. */
  public String suffix() {
    return suffix;
  }

  /** Whether every block has one. */
  public boolean isOfBlock() {
    return this != EMBED && this != NORMALIZED;
  }

  /**
   * Numbers that a position has of it in a block of a model; of {@link #PATTERN}, the width of its
   * keys.
   */
  int width(ModelSpec spec, int block) {
    return switch (this) {
      case Q, ROT_Q, Z -> spec.attention(block).queryWidth();
      case K, V, ROT_K, PATTERN -> spec.attention(block).keyWidth();
      case EMBED, RESID_PRE, ATTN_OUT, RESID_MID, MLP_OUT, RESID_POST, NORMALIZED -> spec.hidden();
    };
  }

  /** Whether the last block computes it at the rows alone that are asked for. */
  public boolean isOfQueries() {
    return ofQueries;
  }
}
