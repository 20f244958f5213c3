package dev.palimpsest.engine.probe;

/**
 * A change of activations within one step: a steering vector that is added, or activations of
 * another run that are put in their place. Unlike a {@link Probe} it reaches in: what a step with
 * one gives is no longer what the model makes of the tokens.
 *
 * @param hook where: any but the pattern, the last norm, and what is only added to the residual
 *     stream, which is changed at {@link Point#RESID_MID} and {@link Point#RESID_POST}
 * @param action what is done
 * @param selection at which positions
 * @param values one row for all positions, or for {@link Action#SET} as many as there are positions
 */
public record Patch(Hook hook, Action action, Probe.Selection selection, float[] values) {
  /** What is done with the values. */
  public enum Action {
    /** They are added. */
    ADD,
    /** They replace what is there. */
    SET
  }

  /**
   * Checks that the hook can be changed.
   *
   * @throws IllegalArgumentException if it cannot
   */
  public Patch {
    switch (hook.point()) {
      case PATTERN, NORMALIZED, ATTN_OUT, MLP_OUT ->
          throw new IllegalArgumentException(
              "%s cannot be changed: change the residual stream, queries, keys, values or their sums (hook_resid_pre, _mid, _post, attn.hook_q, _k, _v, _rot_q, _rot_k, _z)"
                  .formatted(hook.name()));
      case EMBED, RESID_PRE, Q, K, V, ROT_Q, ROT_K, Z, RESID_MID, RESID_POST -> {}
    }
  }
}
