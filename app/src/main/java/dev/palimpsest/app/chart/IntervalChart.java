package dev.palimpsest.app.chart;

import java.util.List;
import java.util.Locale;

/**
 * Percentages over a number, with their intervals.
 *
 * @param title above the chart
 * @param xTitle below the axis
 * @param ticks marked values of x, ascending; the first and the last bound the axis
 * @param lines in the order of the legend
 */
public record IntervalChart(String title, String xTitle, List<Double> ticks, List<Line> lines) {
  private static final int WIDTH = 640;
  private static final int PLOT = 260;

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
  public record Point(double x, double y, double low, double high) {
    private Chart.Point at() {
      return new Chart.Point(x, y);
    }
  }

  /** The chart as a part of a page that has {@link Chart#STYLE}. */
  public String svg() {
    return chart().svg();
  }

  /** The chart as a file of its own, readable on light and on dark pages. */
  public String file() {
    return chart().file();
  }

  private Chart chart() {
    Chart chart = new Chart(title, WIDTH, PLOT, Axis.marked(xTitle, ticks), Axis.percent());
    for (int series = 0; series < lines.size(); series++) {
      draw(chart, series, lines.get(series));
    }
    chart.legend(lines.stream().map(Line::name).toList());
    return chart;
  }

  private static void draw(Chart chart, int series, Line line) {
    chart.line(series, line.points().stream().map(Point::at).toList());
    for (Point point : line.points()) {
      chart.bar(
          series,
          new Chart.Point(point.x(), point.low()),
          new Chart.Point(point.x(), point.high()));
      chart.mark(
          series,
          point.at(),
          String.format(
              Locale.ROOT,
              "%s, %s: %.1f %% (%.1f to %.1f)",
              line.name(),
              Axis.number(point.x()),
              point.y(),
              point.low(),
              point.high()));
    }
  }
}
