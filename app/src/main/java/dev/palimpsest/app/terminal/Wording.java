package dev.palimpsest.app.terminal;

import dev.palimpsest.lab.measure.Estimate;
import java.util.Locale;

/** Facts that several commands tell in the same words. */
public final class Wording {
  private Wording() {}

  /** How many steps ran no forward, as the part of a sentence; nothing where all did. */
  public static String idle(int steps) {
    return switch (steps) {
      case 0 -> "";
      case 1 -> " (and 1 step that asked nothing)";
      default -> " (and %d steps that asked nothing)".formatted(steps);
    };
  }

  /** An estimate as {@code 12.3 % [10.1, 14.6]}. */
  public static String percent(Estimate estimate) {
    String interval =
        estimate
            .interval()
            .map(
                each ->
                    String.format(
                        Locale.ROOT, " [%.1f, %.1f]", 100 * each.low(), 100 * each.high()))
            .orElse("");
    return String.format(Locale.ROOT, "%.1f %%", 100 * estimate.value()) + interval;
  }
}
