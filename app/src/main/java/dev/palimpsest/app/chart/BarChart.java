package dev.palimpsest.app.chart;

import java.util.Formatter;
import java.util.List;
import java.util.Locale;

/**
 * A bar from zero for each of a few, with its interval, one below the other. It is narrow, so that
 * its text can be read on a narrow page too.
 *
 * @param title above the chart
 * @param most the value of a bar as wide as the chart, if none is higher
 * @param bars from above, each a series of its own
 */
public record BarChart(String title, double most, List<Bar> bars) {
  private static final int WIDTH = 340;
  private static final int LEFT = 8;
  private static final int RIGHT = 12;
  private static final int TOP = 34;
  private static final int ROW = 42;
  private static final int TEXT = 12;
  private static final int BAR_TOP = 19;
  private static final int BAR = 12;
  private static final int WIDEST = 44;

  /**
   * A bar.
   *
   * @param name above it; the beginning of a long one is left out
   * @param shown its value in words, beside the name
   * @param value 0 or above
   * @param low the interval's lower end, or the value
   * @param high its upper end, or the value
   */
  public record Bar(String name, String shown, double value, double low, double high) {}

  /** The chart as a part of a page that has {@link Chart#STYLE}. */
  public String svg() {
    Formatter drawn = new Formatter(Locale.ROOT);
    int height = TOP + ROW * bars.size();
    drawn.format(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' role='img'>%n"
            + "<title>%s</title>%n<text class='title' x='%d' y='20'>%s</text>%n",
        WIDTH, height, Html.escape(title), LEFT, Html.escape(title));
    double widest = most;
    for (Bar each : bars) {
      widest = Math.max(widest, Math.max(each.value(), each.high()));
    }
    double pixels = widest > 0 ? (WIDTH - LEFT - RIGHT) / widest : 0;
    for (int series = 0; series < bars.size(); series++) {
      draw(drawn, series, TOP + ROW * series, pixels);
    }
    return drawn.format("</svg>%n").toString();
  }

  private void draw(Formatter drawn, int series, int top, double pixels) {
    Bar bar = bars.get(series);
    double middle = top + BAR_TOP + BAR / 2.0;
    drawn.format(
        "%s<text x='%d' y='%d'>%s</text><text class='tick' text-anchor='end' x='%d' y='%d'>%s</text>%n",
        Chart.shape(series, LEFT + 5, top + TEXT - 4),
        LEFT + 18,
        top + TEXT,
        Html.escape(cut(bar.name(), WIDEST - bar.shown().length())),
        WIDTH - RIGHT,
        top + TEXT,
        Html.escape(bar.shown()));
    drawn.format(
        "<rect class='%s' stroke='none' opacity='.55' x='%d' y='%d' width='%.1f' height='%d'/>%n",
        Chart.color(series), LEFT, top + BAR_TOP, Math.max(1, pixels * bar.value()), BAR);
    if (bar.high() > bar.low()) {
      double low = LEFT + pixels * Math.max(0, bar.low());
      double high = LEFT + pixels * bar.high();
      drawn.format(
          "<path class='whisker' d='M%1$.1f %3$.1fH%2$.1fM%1$.1f %4$.1fv8M%2$.1f %4$.1fv8'/>%n",
          low, high, middle, middle - 4);
    }
  }

  private static String cut(String name, int longest) {
    return name.length() <= longest ? name : "…" + name.substring(name.length() - longest + 1);
  }
}
