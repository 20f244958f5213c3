package dev.palimpsest.lab.legibility;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * How a text could be read while it was written, by some score.
 *
 * @param steps the score of the text after every step; empty where it has none
 * @param degraded the score of the last text, made worse; empty where it has none, or the text
 *     stays as it is
 */
public record Legibility(List<OptionalDouble> steps, Map<Degradation, OptionalDouble> degraded) {
  private static final int TENTHS = 10;

  /**
   * Scores a text's states.
   *
   * @param frames the whole text after every step, at least one
   * @param seed of the degradations
   */
  public static Legibility of(
      List<String> frames, Function<String, OptionalDouble> score, long seed) {
    String last = frames.getLast();
    Map<Degradation, OptionalDouble> degraded = new EnumMap<>(Degradation.class);
    for (Degradation each : Degradation.values()) {
      String worse = each.of(last, seed);
      degraded.put(each, worse.equals(last) ? OptionalDouble.empty() : score.apply(worse));
    }
    return new Legibility(frames.stream().map(score).toList(), degraded);
  }

  /** The index of the last step of the first so many tenths of them, rounded up. */
  public static int step(int tenths, int steps) {
    return Math.ceilDiv(tenths * steps, TENTHS) - 1;
  }

  /** The score at the end. */
  public OptionalDouble last() {
    return steps.getLast();
  }
}
