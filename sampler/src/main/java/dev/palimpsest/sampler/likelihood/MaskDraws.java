package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.step.Philox;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Random sets of masked positions: a function of the seed, the ids and the sample's number alone,
 * so that a text has the same number whatever is estimated beside it.
 */
final class MaskDraws {
  /**
   * Number j that a sample draws, from 0: the first of the four words at index CRC-32 of the ids
   * ({@link Part#checksum}), position j and step sample.
   */
  private static final Philox.Purpose MASKS = new Philox.Purpose(9);

  private MaskDraws() {}

  /** A source of whole numbers for a sample: for n, one of 0 … n-1, all as probable. */
  static IntUnaryOperator source(long seed, Part part, int sample) {
    int[] drawn = {0};
    int[] words = new int[4];
    int checksum = part.checksum();
    return bound -> {
      Philox.block(seed, sample, drawn[0]++, MASKS, checksum, words);
      return (int) (((words[0] & 0xFFFFFFFFL) * bound) >>> 32);
    };
  }

  /**
   * A set: its size is 1 … {@code largest}, all as probable, and so are then all sets of the size.
   */
  static int[] draw(int length, int largest, IntUnaryOperator below) {
    int size = 1 + below.applyAsInt(largest);
    int[] positions = IntStream.range(0, length).toArray();
    for (int chosen = 0; chosen < size; chosen++) {
      int other = chosen + below.applyAsInt(length - chosen);
      int taken = positions[other];
      positions[other] = positions[chosen];
      positions[chosen] = taken;
    }
    int[] masked = Arrays.copyOf(positions, size);
    Arrays.sort(masked);
    return masked;
  }
}
