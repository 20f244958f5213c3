package dev.palimpsest.app.chart;

import java.util.ArrayList;
import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Accuracy against speed as SVG: tokens a second on a logarithmic axis, right answers in percent,
 * with the interval of the accuracy and the range of the speed at every point, and the requests at
 * once beside it.
 *
 * @param lines one per contestant
 */
public record SpeedChart(List<Line> lines) {
  /** Colours on light and on dark pages, and how the parts of a chart use them. */
  public static final String STYLE =
      """
      :root,svg{--back:#fff;--text:#1b1f24;--soft:#5a6470;--rule:#d8dee4;
      --c0:#0b63a5;--c1:#c2410c;--c2:#0f7a5a;--c3:#a2307f;--c4:#8a6a00;--c5:#4b4fc4}
      @media(prefers-color-scheme:dark){:root,svg{--back:#14171b;--text:#e6e9ec;--soft:#9aa5b1;
      --rule:#353b43;--c0:#5aa9e6;--c1:#f28b54;--c2:#4cc29b;--c3:#e07bc0;--c4:#d9b340;--c5:#9a9df5}}
      svg .back{fill:var(--back)}
      svg text{fill:var(--text);font:12px system-ui,sans-serif}
      svg .title{font-weight:600;font-size:13px}
      svg .tick{fill:var(--soft)}
      svg .grid{stroke:var(--rule)}
      .c0{stroke:var(--c0);fill:var(--c0)}.c1{stroke:var(--c1);fill:var(--c1)}
      .c2{stroke:var(--c2);fill:var(--c2)}.c3{stroke:var(--c3);fill:var(--c3)}
      .c4{stroke:var(--c4);fill:var(--c4)}.c5{stroke:var(--c5);fill:var(--c5)}
      svg .bar{stroke-width:1.2;opacity:.6}
      svg polyline.line{fill:none;stroke-width:2}
      """;

  private static final String TITLE = "Right answers against tokens/s, both with their spread";
  private static final int WIDTH = 640;
  private static final int LEFT = 52;
  private static final int RIGHT = 24;
  private static final int TOP = 36;
  private static final int PLOT = 260;
  private static final int LEGEND = TOP + PLOT + 64;
  private static final int LEGEND_ROW = 20;
  private static final int LONGEST_NAME = 84;
  private static final int MOST_TICKS = 9;

  /** Closer points than this have one label. */
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
      double high) {}

  /** As a part of a page that has the style. */
  public String svg() {
    List<Double> ticks = ticks();
    Formatter svg = new Formatter(Locale.ROOT);
    svg.format(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' role='img'>%n"
            + "<title>%s</title>%n",
        WIDTH, LEGEND + LEGEND_ROW * lines.size(), TITLE);
    return body(svg, ticks).format("</svg>%n").toString();
  }

  /** As a file of its own. */
  public String file() {
    return svg()
        .replaceFirst(
            "</title>",
            "</title>\n<style>\n"
                + STYLE
                + "</style>\n<rect class='back' width='100%' height='100%'/>");
  }

  private Formatter body(Formatter svg, List<Double> ticks) {
    svg.format("<text class='title' x='%d' y='20'>%s</text>%n", LEFT, TITLE);
    for (int percent = 0; percent <= 100; percent += 20) {
      svg.format(
          "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>"
              + "<text class='tick' text-anchor='end' x='%d' y='%.1f'>%d %%</text>%n",
          LEFT, WIDTH - RIGHT, y(percent), y(percent), LEFT - 6, y(percent) + 4, percent);
    }
    for (double tick : ticks) {
      svg.format(
          "<text class='tick' text-anchor='middle' x='%.1f' y='%d'>%s</text>%n",
          x(tick, ticks), TOP + PLOT + 18, number(tick));
    }
    svg.format(
        "<text class='tick' text-anchor='middle' x='%d' y='%d'>tokens/s of all requests"
            + " (logarithmic); beside the points: requests at once</text>%n",
        (LEFT + WIDTH - RIGHT) / 2, TOP + PLOT + 38);
    for (int index = 0; index < lines.size(); index++) {
      line(svg, index, ticks);
      int y = LEGEND + LEGEND_ROW * index;
      svg.format(
          "%s<text x='%d' y='%d'>%s</text>%n",
          LineChart.mark(index, LEFT + 6, y - 4),
          LEFT + 20,
          y,
          Html.escape(cut(lines.get(index).name())));
    }
    return svg;
  }

  private void line(Formatter svg, int index, List<Double> ticks) {
    int color = index % LineChart.SHAPES;
    List<String> path = new ArrayList<>();
    for (Point point : lines.get(index).points()) {
      path.add(String.format(Locale.ROOT, "%.1f,%.1f", x(point.rate(), ticks), y(point.percent())));
    }
    svg.format("<polyline class='line c%d' points='%s'/>%n", color, String.join(" ", path));
    for (Point point : lines.get(index).points()) {
      double x = x(point.rate(), ticks);
      double y = y(point.percent());
      svg.format(
          "<line class='bar c%d' x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f'/>"
              + "<line class='bar c%d' x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f'/>",
          color,
          x,
          x,
          y(point.low()),
          y(point.high()),
          color,
          x(point.slowest(), ticks),
          x(point.fastest(), ticks),
          y,
          y);
      svg.format(
          "<g><title>%s, %d at once: %s tokens/s, %.1f %% right</title>%s</g>%n",
          Html.escape(lines.get(index).name()),
          point.concurrency(),
          rate(point.rate()),
          point.percent(),
          LineChart.mark(index, x, y));
    }
    labels(lines.get(index).points(), svg, ticks);
  }

  /** The numbers of requests beside the points; those of points that touch stand together. */
  private void labels(List<Point> points, Formatter svg, List<Double> ticks) {
    List<Point> rest = new ArrayList<>(points);
    while (!rest.isEmpty()) {
      double x = x(rest.getFirst().rate(), ticks);
      double y = y(rest.getFirst().percent());
      List<Point> together =
          rest.stream()
              .filter(
                  each ->
                      Math.abs(x(each.rate(), ticks) - x) < NEAR
                          && Math.abs(y(each.percent()) - y) < NEAR)
              .toList();
      rest.removeAll(together);
      svg.format(
          "<text x='%.1f' y='%.1f'>%s</text>%n",
          x + 8,
          y + 16,
          together.stream()
              .map(each -> String.valueOf(each.concurrency()))
              .collect(Collectors.joining(", ")));
    }
  }

  /** 1, 2 and 5 times powers of ten, or the powers alone, that hold every rate between them. */
  private List<Double> ticks() {
    double low = Double.MAX_VALUE;
    double high = 0;
    for (Line line : lines) {
      for (Point point : line.points()) {
        low = Math.min(low, point.slowest());
        high = Math.max(high, point.fastest());
      }
    }
    if (high == 0) {
      return List.of(1.0, 10.0);
    }
    List<Double> fine = ticks(low, high, 1, 2, 5);
    return fine.size() <= MOST_TICKS ? fine : ticks(low, high, 1);
  }

  private static List<Double> ticks(double low, double high, int... steps) {
    List<Double> ticks = new ArrayList<>();
    double below = 0;
    for (int power = (int) Math.floor(Math.log10(low)); ; power++) {
      for (int step : steps) {
        double tick = step * Math.pow(10, power);
        if (tick <= low) {
          below = tick;
        } else {
          if (ticks.isEmpty()) {
            ticks.add(below);
          }
          ticks.add(tick);
          if (tick >= high) {
            return ticks;
          }
        }
      }
    }
  }

  /** A speed in three digits or more. */
  public static String rate(double value) {
    return String.format(Locale.ROOT, value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  }

  private static double x(double rate, List<Double> ticks) {
    double first = Math.log(ticks.getFirst());
    double last = Math.log(ticks.getLast());
    return LEFT + (WIDTH - LEFT - RIGHT) * (Math.log(rate) - first) / (last - first);
  }

  private static double y(double percent) {
    return TOP + PLOT - PLOT * percent / 100;
  }

  private static String number(double tick) {
    return tick >= 1 ? String.format(Locale.ROOT, "%,.0f", tick) : String.valueOf((float) tick);
  }

  private static String cut(String name) {
    return name.length() <= LONGEST_NAME
        ? name
        : "…" + name.substring(name.length() - LONGEST_NAME + 1);
  }
}
