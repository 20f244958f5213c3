package dev.palimpsest.sampler.method;

/**
 * How many positions each step of a block commits.
 *
 * <p>LLaDA's {@code get_num_transfer_tokens} spreads {@code n} masks evenly over {@code S} steps,
 * the first ones taking the remainder: step {@code i} commits {@code n / S + (i < n % S ? 1 : 0)}.
 * Rounding up what is left over the steps that are left gives the same numbers and needs no memory
 * of where the block began, so it stays right when the canvas was changed in between.
 */
final class TransferSchedule {
  private TransferSchedule() {}

  /**
   * Positions that this step commits. With more steps than masks, the last steps commit nothing.
   *
   * @param masksLeft positions still masked, 0 or above
   * @param stepsLeft steps of the block that are left, this one counted; 1 or above
   */
  static int count(int masksLeft, int stepsLeft) {
    if (masksLeft < 0 || stepsLeft < 1) {
      throw new IllegalArgumentException(
          masksLeft + " masks cannot be spread over " + stepsLeft + " steps");
    }
    return Math.ceilDiv(masksLeft, stepsLeft);
  }
}
