package dev.palimpsest.lab.battery;

import dev.palimpsest.lab.measure.Bootstrap;
import dev.palimpsest.lab.measure.Estimate;

/**
 * A number of the battery.
 *
 * @param model of which it is
 * @param part that it belongs to
 * @param name of it in the part
 * @param estimate its value, its items and its 95 % interval
 * @param undefined resamples of its interval on which it is undefined
 */
public record Figure(String model, String part, String name, Estimate estimate, int undefined) {
  /** A number with an interval that needs no resamples. */
  public static Figure of(String model, String part, String name, Estimate estimate) {
    return new Figure(model, part, name, estimate, 0);
  }

  /** A number with an interval over resamples. */
  public static Figure of(String model, String part, String name, Bootstrap bootstrap) {
    return new Figure(model, part, name, bootstrap.estimate(), bootstrap.undefined());
  }
}
