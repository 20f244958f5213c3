package dev.palimpsest.app.chart;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;

/**
 * Lines over a few shared values of x, as inline SVG. Colours and text styles are classes of the
 * page around it; every line also has a mark of its own shape.
 *
 * @param title above the chart
 * @param xTitle below the axis
 * @param ticks the values of x, spaced evenly
 * @param lines one per contestant
 */
public record LineChart(String title, String xTitle, List<String> ticks, List<Line> lines) {
  private static final int WIDTH = 520;
  private static final int HEIGHT = 300;
  private static final int LEFT = 58;
  private static final int RIGHT = 16;
  private static final int TOP = 34;
  private static final int BOTTOM = 44;

  /** Marks and colours that differ. */
  static final int SHAPES = 6;

  /**
   * A contestant's line.
   *
   * @param name for the tooltip
   * @param values one per tick; NaN where there is none
   */
  public record Line(String name, double[] values) {}

  public String svg() {
    double highest =
        lines.stream()
            .flatMapToDouble(line -> Arrays.stream(line.values()))
            .filter(Double::isFinite)
            .max()
            .orElse(1);
    double step = niceStep(highest);
    int steps = (int) Math.max(1, Math.ceil(highest / step));
    Formatter svg = new Formatter(Locale.ROOT);
    svg.format(
        "<svg viewBox='0 0 %d %d' role='img' aria-label='%s'>%n",
        WIDTH, HEIGHT, Html.escape(title));
    svg.format("<text class='title' x='%d' y='18'>%s</text>%n", LEFT, Html.escape(title));
    for (int i = 0; i <= steps; i++) {
      double y = y(i * step, steps * step);
      svg.format(
          "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>%n", LEFT, WIDTH - RIGHT, y, y);
      svg.format(
          "<text class='tick' text-anchor='end' x='%d' y='%.1f'>%s</text>%n",
          LEFT - 8, y + 4, number(i * step));
    }
    for (int tick = 0; tick < ticks.size(); tick++) {
      svg.format(
          "<text class='tick' text-anchor='middle' x='%.1f' y='%d'>%s</text>%n",
          x(tick), HEIGHT - BOTTOM + 18, Html.escape(ticks.get(tick)));
    }
    svg.format(
        "<text class='tick' text-anchor='middle' x='%d' y='%d'>%s</text>%n",
        (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, Html.escape(xTitle));
    for (int index = 0; index < lines.size(); index++) {
      line(svg, index, steps * step);
    }
    return svg.format("</svg>").toString();
  }

  private void line(Formatter svg, int index, double highest) {
    Line line = lines.get(index);
    List<String> points = new ArrayList<>();
    for (int tick = 0; tick < ticks.size(); tick++) {
      if (Double.isFinite(line.values()[tick])) {
        points.add(
            String.format(Locale.ROOT, "%.1f,%.1f", x(tick), y(line.values()[tick], highest)));
      }
    }
    svg.format(
        "<polyline class='line c%d' points='%s'/>%n", index % SHAPES, String.join(" ", points));
    for (int tick = 0; tick < ticks.size(); tick++) {
      double value = line.values()[tick];
      if (Double.isFinite(value)) {
        svg.format(
            "<g><title>%s, %s: %s</title>%s</g>%n",
            Html.escape(line.name()),
            Html.escape(ticks.get(tick)),
            number(value),
            mark(index, x(tick), y(value, highest)));
      }
    }
  }

  /** The mark of a contestant's points, also in the legend. */
  public static String mark(int index, double x, double y) {
    int shape = index % SHAPES;
    String path =
        switch (shape) {
          case 0 -> "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z";
          case 1 -> "M-4.5 -4.5h9v9h-9z";
          case 2 -> "M0 -6L5.5 4.5H-5.5z";
          case 3 -> "M0 -6L6 0L0 6L-6 0z";
          case 4 -> "M0 6L5.5 -4.5H-5.5z";
          default -> "M-6 -2h4v-4h4v4h4v4h-4v4h-4v-4h-4z";
        };
    return String.format(
        Locale.ROOT,
        "<path class='mark c%d' transform='translate(%.1f %.1f)' d='%s'/>",
        shape,
        x,
        y,
        path);
  }

  private double x(int tick) {
    double width = WIDTH - LEFT - RIGHT;
    return LEFT + width * (tick + 0.5) / ticks.size();
  }

  private static double y(double value, double highest) {
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / highest;
  }

  /** 1, 2 or 5 times a power of ten, so that about five lines fit. */
  private static double niceStep(double highest) {
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

  private static String number(double value) {
    if (value == Math.rint(value) && Math.abs(value) < 1e9) {
      return String.format(Locale.ROOT, "%.0f", value);
    }
    return value >= 100
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.format(Locale.ROOT, "%.3g", value);
  }
}
