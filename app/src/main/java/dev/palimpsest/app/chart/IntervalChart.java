package dev.palimpsest.app.chart;

import java.util.ArrayList;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;

/**
 * Percentages over a number, with their intervals, as an SVG file of its own that is readable on
 * light and on dark pages.
 *
 * @param title above the chart
 * @param xTitle below the axis
 * @param ticks marked values of x, ascending; the first and the last bound the axis
 * @param lines at most as many as there are colours
 */
public record IntervalChart(String title, String xTitle, List<Double> ticks, List<Line> lines) {
  private static final int WIDTH = 640;
  private static final int LEFT = 52;
  private static final int RIGHT = 20;
  private static final int TOP = 36;
  private static final int PLOT = 260;
  private static final int LEGEND_ROW = 20;
  private static final int STEPS = 5;
  private static final String STYLE =
      """
      svg{--back:#fff;--text:#1b1f24;--soft:#5a6470;--rule:#d8dee4;--c0:#0b63a5;--c1:#c2410c;--c2:#0f7a5a;--c3:#a2307f}
      @media(prefers-color-scheme:dark){svg{--back:#14171b;--text:#e6e9ec;--soft:#9aa5b1;--rule:#353b43;--c0:#5aa9e6;--c1:#f28b54;--c2:#4cc29b;--c3:#e07bc0}}
      .back{fill:var(--back)}text{fill:var(--text);font:12px system-ui,sans-serif}.title{font-weight:600;font-size:13px}
      .tick{fill:var(--soft)}.grid{stroke:var(--rule)}.line{fill:none;stroke-width:2}.bar{stroke-width:1.2}
      .c0{stroke:var(--c0);fill:var(--c0)}.c1{stroke:var(--c1);fill:var(--c1)}
      .c2{stroke:var(--c2);fill:var(--c2)}.c3{stroke:var(--c3);fill:var(--c3)}polyline.line{fill:none}
      """;

  /**
   * A line.
   *
   * @param name in the legend
   * @param points ascending in x
   */
  public record Line(String name, List<Point> points) {}

  /**
   * A point and its interval, y from 0 to 100.
   *
   * @param low the interval's lower end
   * @param high its upper end
   */
  public record Point(double x, double y, double low, double high) {}

  public String svg() {
    int height = TOP + PLOT + 48 + LEGEND_ROW * lines.size();
    Formatter svg = new Formatter(Locale.ROOT);
    svg.format(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' role='img'>%n"
            + "<title>%s</title>%n<style>%n%s</style>%n"
            + "<rect class='back' width='%d' height='%d'/>%n",
        WIDTH, height, Html.escape(title), STYLE, WIDTH, height);
    svg.format("<text class='title' x='%d' y='20'>%s</text>%n", LEFT, Html.escape(title));
    for (int step = 0; step <= STEPS; step++) {
      double value = 100.0 * step / STEPS;
      svg.format(
          "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>"
              + "<text class='tick' text-anchor='end' x='%d' y='%.1f'>%.0f %%</text>%n",
          LEFT, WIDTH - RIGHT, y(value), y(value), LEFT - 6, y(value) + 4, value);
    }
    for (double tick : ticks) {
      svg.format(
          "<text class='tick' text-anchor='middle' x='%.1f' y='%d'>%s</text>%n",
          x(tick), TOP + PLOT + 18, number(tick));
    }
    svg.format(
        "<text class='tick' text-anchor='middle' x='%d' y='%d'>%s</text>%n",
        (LEFT + WIDTH - RIGHT) / 2, TOP + PLOT + 36, Html.escape(xTitle));
    for (int index = 0; index < lines.size(); index++) {
      line(svg, index);
      int y = TOP + PLOT + 58 + LEGEND_ROW * index;
      svg.format(
          "%s<text x='%d' y='%d'>%s</text>%n",
          LineChart.mark(index, LEFT + 6, y - 4),
          LEFT + 20,
          y,
          Html.escape(lines.get(index).name()));
    }
    return svg.format("</svg>%n").toString();
  }

  private void line(Formatter svg, int index) {
    Line line = lines.get(index);
    List<String> points = new ArrayList<>();
    for (Point point : line.points()) {
      points.add(String.format(Locale.ROOT, "%.1f,%.1f", x(point.x()), y(point.y())));
    }
    svg.format("<polyline class='line c%d' points='%s'/>%n", index, String.join(" ", points));
    for (Point point : line.points()) {
      svg.format(
          "<line class='bar c%d' x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f'/>"
              + "<g><title>%s, %s: %.1f %% (%.1f to %.1f)</title>%s</g>%n",
          index,
          x(point.x()),
          x(point.x()),
          y(point.low()),
          y(point.high()),
          Html.escape(line.name()),
          number(point.x()),
          point.y(),
          point.low(),
          point.high(),
          LineChart.mark(index, x(point.x()), y(point.y())));
    }
  }

  private double x(double value) {
    double first = ticks.getFirst();
    double span = Math.max(ticks.getLast() - first, 1e-9);
    return LEFT + 16 + (WIDTH - LEFT - RIGHT - 32) * (value - first) / span;
  }

  private static double y(double percent) {
    return TOP + PLOT - PLOT * percent / 100;
  }

  private static String number(double value) {
    return value == Math.rint(value)
        ? String.format(Locale.ROOT, "%.0f", value)
        : String.format(Locale.ROOT, "%.1f", value);
  }
}
