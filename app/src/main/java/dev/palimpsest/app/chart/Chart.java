package dev.palimpsest.app.chart;

import java.util.Formatter;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * A chart being drawn as SVG: first its frame, then what is added, each over what was there. A
 * series has a colour and a mark of its own shape; after {@value #SHAPES} series they repeat.
 */
public final class Chart {
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
      svg .bar{stroke-width:1.2}svg .cross{opacity:.6}
      svg polyline.line{fill:none;stroke-width:2}
      svg .whisker{fill:none;stroke:var(--text);stroke-width:1.2}
      """;

  private static final int SHAPES = 6;
  private static final int LEFT = 52;
  private static final int RIGHT = 24;
  private static final int TOP = 36;
  private static final int BELOW = 48;
  private static final int LEGEND_ROW = 20;
  private static final int LONGEST_NAME = 84;

  private final String title;
  private final int width;
  private final int plotHeight;
  private final Axis x;
  private final Axis y;
  private final Formatter drawn = new Formatter(Locale.ROOT);
  private int height;

  /**
   * Draws the frame.
   *
   * @param width of all, in pixels
   * @param plotHeight of the plot alone, in pixels
   */
  Chart(String title, int width, int plotHeight, Axis x, Axis y) {
    this.title = title;
    this.width = width;
    this.plotHeight = plotHeight;
    this.x = x;
    this.y = y;
    height = TOP + plotHeight + BELOW;
    drawn.format("<text class='title' x='%d' y='20'>%s</text>%n", LEFT, Html.escape(title));
    for (Axis.Tick tick : y.ticks()) {
      double at = down(tick.value());
      drawn.format(
          "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>"
              + "<text class='tick' text-anchor='end' x='%d' y='%.1f'>%s</text>%n",
          LEFT, width - RIGHT, at, at, LEFT - 6, at + 4, Html.escape(tick.text()));
    }
    for (Axis.Tick tick : x.ticks()) {
      below(across(tick.value()), 18, tick.text());
    }
    below((LEFT + width - RIGHT) / 2.0, 38, x.title());
  }

  /** Where something is, in the values of the axes. */
  record Point(double x, double y) {}

  /** A line through points of a series. */
  void line(int series, List<Point> points) {
    drawn.format(
        "<polyline class='line %s' points='%s'/>%n",
        color(series),
        points.stream()
            .map(each -> String.format(Locale.ROOT, "%.1f,%.1f", across(each.x()), down(each.y())))
            .collect(Collectors.joining(" ")));
  }

  /** A thin line between two points: an interval or a range. */
  void bar(int series, Point from, Point to) {
    drawn.format(
        "<line class='bar %s' x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f'/>%n",
        color(series), across(from.x()), across(to.x()), down(from.y()), down(to.y()));
  }

  /** Two bars that cross in a point, fainter than one alone. */
  void cross(int series, Point at, Point lowest, Point highest) {
    drawn.format("<g class='cross'>%n");
    bar(series, new Point(at.x(), lowest.y()), new Point(at.x(), highest.y()));
    bar(series, new Point(lowest.x(), at.y()), new Point(highest.x(), at.y()));
    drawn.format("</g>%n");
  }

  /** The mark of a series, which says something when it is pointed at. */
  void mark(int series, Point at, String tooltip) {
    drawn.format(
        "<g><title>%s</title>%s</g>%n",
        Html.escape(tooltip), shape(series, across(at.x()), down(at.y())));
  }

  /** A text under a point, to its right. */
  void label(Point at, String text) {
    drawn.format(
        "<text x='%.1f' y='%.1f'>%s</text>%n",
        across(at.x()) + 8, down(at.y()) + 16, Html.escape(text));
  }

  /** Whether two points are less than so many pixels apart in either direction. */
  boolean areNear(Point one, Point other, int pixels) {
    return Math.abs(across(one.x()) - across(other.x())) < pixels
        && Math.abs(down(one.y()) - down(other.y())) < pixels;
  }

  /** Names of the series from 0, under the axis; the beginning of a long one is left out. */
  void legend(List<String> names) {
    for (int series = 0; series < names.size(); series++) {
      int at = height + 14 + LEGEND_ROW * series;
      drawn.format(
          "%s<text x='%d' y='%d'>%s</text>%n",
          shape(series, LEFT + 6, at - 4), LEFT + 20, at, Html.escape(cut(names.get(series))));
    }
    height += 8 + LEGEND_ROW * names.size();
  }

  /** The chart as a part of a page that has the style. */
  String svg() {
    return String.format(
        Locale.ROOT,
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' role='img'>%n"
            + "<title>%s</title>%n%s</svg>%n",
        width,
        height,
        Html.escape(title),
        drawn);
  }

  /** The chart as a file of its own. */
  String file() {
    return svg()
        .replaceFirst(
            "</title>",
            "</title>\n<style>\n"
                + STYLE
                + "</style>\n<rect class='back' width='100%' height='100%'/>");
  }

  /** The mark of a series as a small picture of a page that has the style. */
  public static String mark(int series) {
    return "<svg viewBox='-8 -8 16 16' aria-hidden='true'>" + shape(series, 0, 0) + "</svg>";
  }

  static String shape(int series, double across, double down) {
    String path =
        switch (series % SHAPES) {
          case 0 -> "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z";
          case 1 -> "M-4.5 -4.5h9v9h-9z";
          case 2 -> "M0 -6L5.5 4.5H-5.5z";
          case 3 -> "M0 -6L6 0L0 6L-6 0z";
          case 4 -> "M0 6L5.5 -4.5H-5.5z";
          default -> "M-6 -2h4v-4h4v4h4v4h-4v4h-4v-4h-4z";
        };
    return String.format(
        Locale.ROOT,
        "<path class='mark %s' transform='translate(%.1f %.1f)' d='%s'/>",
        color(series),
        across,
        down,
        path);
  }

  static String color(int series) {
    return "c" + series % SHAPES;
  }

  private void below(double across, int pixels, String text) {
    drawn.format(
        "<text class='tick' text-anchor='middle' x='%.1f' y='%d'>%s</text>%n",
        across, TOP + plotHeight + pixels, Html.escape(text));
  }

  private double across(double value) {
    return LEFT + (width - LEFT - RIGHT) * x.place().applyAsDouble(value);
  }

  private double down(double value) {
    return TOP + plotHeight * (1 - y.place().applyAsDouble(value));
  }

  private static String cut(String name) {
    return name.length() <= LONGEST_NAME
        ? name
        : "…" + name.substring(name.length() - LONGEST_NAME + 1);
  }
}
