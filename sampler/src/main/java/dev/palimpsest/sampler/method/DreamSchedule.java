package dev.palimpsest.sampler.method;

/**
 * How much of the mask each of Dream's steps takes: times fall evenly from 1 to {@code eps}, and a
 * step from {@code t} to {@code s} fills the share {@code 1 - s / t} of what is masked.
 *
 * <p>All arithmetic is in float, as in the reference, because its truncation decides: with as many
 * steps as masks the first step commits nothing and the last commits two.
 *
 * @param steps of the whole generation, 1 or above
 * @param eps the last time
 */
record DreamSchedule(int steps, double eps) {

  /** Time after {@code index} steps: {@code torch.linspace(1, eps, steps + 1)} in float. */
  private float time(int index) {
    float end = (float) eps;
    float width = (end - 1) / steps;
    // Computed from whichever end is nearer.
    return index < (steps + 1) / 2 ? 1 + width * index : end - width * (steps - index);
  }

  /** The share of the masked positions that a step fills: all of them at the last. */
  float share(int step) {
    return step >= steps - 1 ? 1 : 1 - time(step + 1) / time(step);
  }

  /** The number of positions that a step fills; may be 0. */
  int count(int step, float masked) {
    return (int) (masked * share(step));
  }

  /**
   * The number of positions that a step fills in every row of a batch.
   *
   * @param masked masks before the first step, averaged over the rows
   */
  int countFromStart(int step, double masked) {
    float left = (float) masked;
    for (int earlier = 0; earlier < step; earlier++) {
      left -= count(earlier, left);
    }
    return count(step, left);
  }
}
