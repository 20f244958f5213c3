package dev.palimpsest.app.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/**
 * An axis of a chart.
 *
 * @param title what is measured along it
 * @param ticks its marked values, ascending
 * @param place where a value lies, from 0 at the axis's beginning to 1 at its end
 */
record Axis(String title, List<Tick> ticks, DoubleUnaryOperator place) {
  private static final double MARGIN = 0.03;
  private static final int MOST_POWERS = 9;

  /** A marked value and what stands there. */
  record Tick(double value, String text) {}

  /** An axis from 0 to 100 %. */
  static Axis percent() {
    List<Tick> ticks =
        IntStream.rangeClosed(0, 5).map(each -> 20 * each).mapToObj(Axis::percent).toList();
    return new Axis("", ticks, value -> value / 100);
  }

  private static Tick percent(int value) {
    return new Tick(value, value + " %");
  }

  /** An axis from 0 to at least the highest value, marked about five times at round numbers. */
  static Axis upTo(double highest) {
    double step = roundStep(highest);
    int steps = (int) Math.max(1, Math.ceil(highest / step));
    List<Tick> ticks =
        IntStream.rangeClosed(0, steps)
            .mapToObj(each -> new Tick(each * step, number(each * step)))
            .toList();
    return new Axis("", ticks, value -> value / (steps * step));
  }

  /** An axis with marks at given values, and a margin before the first mark and behind the last. */
  static Axis marked(String title, List<Double> values) {
    double first = values.getFirst();
    double span = Math.max(values.getLast() - first, 1e-9);
    return new Axis(
        title,
        values.stream().map(each -> new Tick(each, number(each))).toList(),
        value -> MARGIN + (1 - 2 * MARGIN) * (value - first) / span);
  }

  /** An axis of names side by side; a name's value is its index. */
  static Axis named(String title, List<String> names) {
    return new Axis(
        title,
        IntStream.range(0, names.size()).mapToObj(each -> new Tick(each, names.get(each))).toList(),
        value -> (value + 0.5) / names.size());
  }

  /**
   * A logarithmic axis, between two of its marks: 1, 2 and 5 times the powers of ten, or the powers
   * alone if those are too many.
   *
   * @param low the lowest value, above 0
   * @param high the highest, no lower
   */
  static Axis logarithmic(String title, double low, double high) {
    List<Double> fine = powers(low, high, 1, 2, 5);
    List<Double> values = fine.size() <= MOST_POWERS ? fine : powers(low, high, 1);
    double first = Math.log(values.getFirst());
    double span = Math.log(values.getLast()) - first;
    return new Axis(
        title,
        values.stream().map(each -> new Tick(each, grouped(each))).toList(),
        value -> (Math.log(value) - first) / span);
  }

  private static List<Double> powers(double low, double high, int... factors) {
    List<Double> values = new ArrayList<>();
    double below = 0;
    for (int power = (int) Math.floor(Math.log10(low)); ; power++) {
      for (int factor : factors) {
        double value = factor * Math.pow(10, power);
        if (value <= low) {
          below = value;
        } else {
          if (values.isEmpty()) {
            values.add(below);
          }
          values.add(value);
          if (value >= high) {
            return values;
          }
        }
      }
    }
  }

  /** 1, 2 or 5 times a power of ten, so that about five of it reach the highest value. */
  private static double roundStep(double highest) {
    if (!(highest > 0)) {
      return 1;
    }
    double power = Math.pow(10, Math.floor(Math.log10(highest / 5)));
    for (double times : new double[] {1, 2, 5}) {
      if (times * power * 5 >= highest) {
        return times * power;
      }
    }
    return 10 * power;
  }

  /** A whole number, or three digits of another one. */
  static String number(double value) {
    return value >= 100 || value == Math.rint(value)
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.format(Locale.ROOT, "%.3g", value);
  }

  private static String grouped(double value) {
    return value >= 1 ? String.format(Locale.ROOT, "%,.0f", value) : String.valueOf((float) value);
  }
}
