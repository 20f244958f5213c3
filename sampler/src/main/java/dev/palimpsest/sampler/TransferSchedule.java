package dev.palimpsest.sampler;

/**
 * How many positions each step of a block commits: LLaDA's {@code get_num_transfer_tokens}. The
 * {@code n} masks are spread evenly over {@code S} steps, the first ones take the remainder: step
 * {@code i} commits {@code n / S + (i < n % S ? 1 : 0)}. The sum is {@code n}; with more steps than
 * masks, the last steps commit nothing.
 *
 * @param masks masked positions at the start of the block, 0 or above
 * @param steps steps of the block, 1 or above
 */
public record TransferSchedule(int masks, int steps) {

  /** Checks the bounds. */
  public TransferSchedule {
    if (masks < 0 || steps < 1) {
      throw new IllegalArgumentException(
          masks + " masks cannot be spread over " + steps + " steps");
    }
  }

  /** Positions that step {@code step}, counted from 0 in its block, commits. */
  public int count(int step) {
    return masks / steps + (step < masks % steps ? 1 : 0);
  }
}
