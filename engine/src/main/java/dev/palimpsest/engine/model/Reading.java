package dev.palimpsest.engine.model;

import java.util.OptionalDouble;

/**
 * The way a model's output is read: which position's prediction it is, and which ids mean
 * something.
 *
 * @param shifted whether the output at a position is the prediction of the next one: the prediction
 *     of position p is then read at p - 1, and that of position 0 at 0. Never set for a causal
 *     model, whose predictions are of what follows by definition.
 * @param countsPadding whether the published code counts left padding in positions, as LLaDA's
 *     does; elsewhere a padded row starts at position 0 with its first token
 * @param logitCap if present, a logit x is {@code cap · tanh(x / cap)}
 * @param ids mask, end and padding
 */
public record Reading(
    boolean shifted, boolean countsPadding, OptionalDouble logitCap, TokenIds ids) {

  /** The prediction of a position is read there; padding is not counted. */
  public Reading(TokenIds ids) {
    this(false, false, OptionalDouble.empty(), ids);
  }

  /** The same, but the prediction of a position is read one before it. */
  public Reading shiftedByOne() {
    return new Reading(true, countsPadding, logitCap, ids);
  }

  /** The same, but left padding is counted. */
  public Reading countingPadding() {
    return new Reading(shifted, true, logitCap, ids);
  }

  /** The same, but logits are capped. */
  public Reading capped(double cap) {
    return new Reading(shifted, countsPadding, OptionalDouble.of(cap), ids);
  }

  Reading withIds(TokenIds others) {
    return new Reading(shifted, countsPadding, logitCap, others);
  }
}
