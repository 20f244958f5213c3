package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.engine.backend.Activation;
import java.util.Arrays;
import java.util.Optional;

/** The guided rows of one matrix, with what guides each. */
final class GuidedRows {
  private static final int NO_ROW = -1;

  private Optional<Activation> matrix = Optional.empty();
  private int[] pairs = new int[64];
  private int[] scales = new int[32];
  private int count;

  /** Where the pairs lie in a step's input, and how many there are with their padding. */
  record Put(int count, long pairs, long scales) {}

  boolean isEmpty() {
    return count == 0;
  }

  boolean isOf(Activation x) {
    return matrix.filter(x::equals).isPresent();
  }

  Activation matrix() {
    return matrix.orElseThrow();
  }

  void add(Activation x, int row, int unconditional, float scale) {
    matrix = Optional.of(x);
    if (count == scales.length) {
      pairs = Arrays.copyOf(pairs, 4 * count);
      scales = Arrays.copyOf(scales, 2 * count);
    }
    pairs[2 * count] = row;
    pairs[2 * count + 1] = unconditional;
    scales[count++] = Float.floatToRawIntBits(scale);
  }

  Put put(StepInput input) {
    int padded = RowBuckets.padded(count);
    return new Put(
        padded,
        input.put(Arrays.copyOf(pairs, 2 * count), 2 * padded, NO_ROW),
        input.put(Arrays.copyOf(scales, count), padded, 0));
  }

  void clear() {
    matrix = Optional.empty();
    count = 0;
  }
}
