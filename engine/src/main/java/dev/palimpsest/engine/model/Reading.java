package dev.palimpsest.engine.model;

/**
 * The way a model's output is read: which position's prediction it is, and which ids mean
 * something.
 *
 * @param shifted whether the output at a position is the prediction of the next one: the prediction
 *     of position p is then read at p - 1, and that of position 0 at 0. Never set for a causal
 *     model, whose predictions are of what follows by definition.
 * @param countsPadding whether the published code counts left padding in positions, as LLaDA's
 *     does; elsewhere a padded row starts at position 0 with its first token
 * @param ids mask, end and padding
 */
public record Reading(boolean shifted, boolean countsPadding, TokenIds ids) {

  /** The prediction of a position is read there; padding is not counted. */
  public Reading(TokenIds ids) {
    this(false, false, ids);
  }

  /** The same, but the prediction of a position is read one before it. */
  public Reading shiftedByOne() {
    return new Reading(true, countsPadding, ids);
  }

  /** The same, but left padding is counted. */
  public Reading countingPadding() {
    return new Reading(shifted, true, ids);
  }

  Reading withIds(TokenIds others) {
    return new Reading(shifted, countsPadding, others);
  }
}
