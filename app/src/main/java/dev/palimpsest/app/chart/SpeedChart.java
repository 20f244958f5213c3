package dev.palimpsest.app.chart;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Accuracy against speed: tokens a second on a logarithmic axis, right answers in percent, with the
 * interval of the accuracy and the range of the speed at every point, and the requests at once
 * beside it.
 *
 * @param lines one per contestant
 */
public record SpeedChart(List<Line> lines) {
  private static final String TITLE = "Right answers against tokens/s, both with their spread";
  private static final String SPEED =
      "tokens/s of all requests (logarithmic); beside the points: requests at once";
  private static final int WIDTH = 640;
  private static final int PLOT = 260;

  /** Points closer than so many pixels have one label. */
  private static final int NEAR = 24;

  /**
   * A contestant.
   *
   * @param points in the order of their concurrency
   */
  public record Line(String name, List<Point> points) {}

  /** Requests at once; tokens a second and their range; right answers and their interval. */
  public record Point(
      int concurrency,
      double rate,
      double slowest,
      double fastest,
      double percent,
      double low,
      double high) {
    private Chart.Point at() {
      return new Chart.Point(rate, percent);
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
    Chart chart = new Chart(TITLE, WIDTH, PLOT, speed(), Axis.percent());
    for (int series = 0; series < lines.size(); series++) {
      draw(chart, series, lines.get(series));
    }
    chart.legend(lines.stream().map(Line::name).toList());
    return chart;
  }

  private Axis speed() {
    List<Point> points = lines.stream().flatMap(line -> line.points().stream()).toList();
    return Axis.logarithmic(
        SPEED,
        points.stream().mapToDouble(Point::slowest).min().orElse(1),
        points.stream().mapToDouble(Point::fastest).max().orElse(10));
  }

  private static void draw(Chart chart, int series, Line line) {
    chart.line(series, line.points().stream().map(Point::at).toList());
    for (Point point : line.points()) {
      chart.cross(
          series,
          point.at(),
          new Chart.Point(point.slowest(), point.low()),
          new Chart.Point(point.fastest(), point.high()));
      chart.mark(
          series,
          point.at(),
          String.format(
              Locale.ROOT,
              "%s, %d at once: %s tokens/s, %.1f %% right",
              line.name(),
              point.concurrency(),
              rate(point.rate()),
              point.percent()));
    }
    label(chart, line.points());
  }

  /** The numbers of requests beside the points; those of points that touch stand together. */
  private static void label(Chart chart, List<Point> points) {
    List<Point> rest = new ArrayList<>(points);
    while (!rest.isEmpty()) {
      Chart.Point first = rest.getFirst().at();
      List<Point> together =
          rest.stream().filter(each -> chart.areNear(each.at(), first, NEAR)).toList();
      rest.removeAll(together);
      chart.label(
          first,
          together.stream()
              .map(each -> String.valueOf(each.concurrency()))
              .collect(Collectors.joining(", ")));
    }
  }

  /** A speed in three digits or more. */
  public static String rate(double value) {
    return String.format(Locale.ROOT, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  }
}
