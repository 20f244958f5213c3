package dev.palimpsest.sampler.likelihood;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * One forward over a copy of a part in which some tokens are masked.
 *
 * @param masked positions within the part that are masked, ascending
 * @param asked those of them whose tokens' probabilities are wanted, ascending
 */
record Look(int[] masked, int[] asked) {
  /** Every masked position is asked. */
  static Look at(int[] masked) {
    return new Look(masked, masked);
  }

  /** Everything is masked and asked. */
  static Look full(int length) {
    return at(IntStream.range(0, length).toArray());
  }

  /** A token is asked, and it and all behind it are masked. */
  static Look from(int token, int length) {
    return new Look(IntStream.range(token, length).toArray(), new int[] {token});
  }

  /** What this one leaves is masked, and the other way round. */
  Look complement(int length) {
    return at(
        IntStream.range(0, length)
            .filter(position -> Arrays.binarySearch(masked, position) < 0)
            .toArray());
  }
}
