package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cublas.MatmulAlgorithm;
import dev.palimpsest.bindings.cuda.Device;
import dev.palimpsest.engine.device.Precision;
import java.util.Optional;

/**
 * Algorithms of cuBLASLt that add a product up alike, so that any of them may compute it without
 * changing a bit: one f32 accumulator over the whole inner dimension, whatever the tile.
 *
 * @param id the library's number of their kernels
 * @param stages the library's number of how they read ahead
 */
record BitClass(int id, int stages) {
  /**
   * Hopper's kernels for bf16. The rule is the one by which facebookexperimental/triton#2752 and
   * #2769 compute cuBLASLt 13.1's bits anew.
   */
  private static final BitClass HOPPER = new BitClass(66, 35);

  /** The class that a device is expected to have, which is still to be checked there. */
  static Optional<BitClass> of(Device device, Precision precision) {
    return device.major() == 9 && precision == Precision.BF16
        ? Optional.of(HOPPER)
        : Optional.empty();
  }

  boolean has(MatmulAlgorithm algorithm) {
    return algorithm.id() == id && algorithm.stages() == stages && algorithm.pieces() <= 1;
  }
}
