package dev.palimpsest.lab.battery.part;

import java.util.stream.IntStream;

/** A few whole numbers of many. */
final class Spread {
  private Spread() {}

  /**
   * The first, the last, and at most so many between them, as far from each other as can be.
   *
   * @param first the smallest
   * @param last the largest, at least {@code first}
   */
  static int[] inside(int first, int last, int most) {
    int steps = Math.min(last - first, most + 1);
    return steps == 0
        ? new int[] {first}
        : IntStream.rangeClosed(0, steps)
            .map(index -> first + (int) ((long) index * (last - first) / steps))
            .toArray();
  }
}
