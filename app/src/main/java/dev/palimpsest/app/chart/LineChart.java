package dev.palimpsest.app.chart;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Lines over a few shared values of x, for a page that has {@link Chart#STYLE}.
 *
 * @param title above the chart
 * @param xTitle below the axis
 * @param ticks the values of x, spaced evenly
 * @param lines one per contestant
 */
public record LineChart(String title, String xTitle, List<String> ticks, List<Line> lines) {
  private static final int WIDTH = 520;
  private static final int PLOT = 216;

  /**
   * A contestant's line.
   *
   * @param name for the tooltip
   * @param values one per tick; NaN where there is none
   */
  public record Line(String name, double[] values) {}

  /** The chart as a part of a page. */
  public String svg() {
    double highest =
        lines.stream()
            .flatMapToDouble(line -> Arrays.stream(line.values()))
            .filter(Double::isFinite)
            .max()
            .orElse(1);
    Chart chart = new Chart(title, WIDTH, PLOT, Axis.named(xTitle, ticks), Axis.upTo(highest));
    for (int series = 0; series < lines.size(); series++) {
      draw(chart, series, lines.get(series));
    }
    return chart.svg();
  }

  private void draw(Chart chart, int series, Line line) {
    List<Chart.Point> points = new ArrayList<>();
    for (int tick = 0; tick < ticks.size(); tick++) {
      if (Double.isFinite(line.values()[tick])) {
        points.add(new Chart.Point(tick, line.values()[tick]));
      }
    }
    chart.line(series, points);
    for (Chart.Point point : points) {
      String where = ticks.get((int) point.x());
      chart.mark(series, point, line.name() + ", " + where + ": " + Axis.number(point.y()));
    }
  }
}
