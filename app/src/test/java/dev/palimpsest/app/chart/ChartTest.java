package dev.palimpsest.app.chart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.StringReader;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

/** Axes, and what a chart makes of them. */
final class ChartTest {
  @ParameterizedTest
  @CsvSource({
    "0.3, '0, 0.100, 0.200, 0.300'",
    "4, '0, 1, 2, 3, 4'",
    "1664, '0, 500, 1000, 1500, 2000'",
    "0, '0, 1'"
  })
  void anAxisFromZeroHasRoundTicksUpToTheHighestValue(double highest, String ticks) {
    assertThat(texts(Axis.upTo(highest))).isEqualTo(ticks);
  }

  @ParameterizedTest
  @CsvSource({
    "121, 8000, '100;200;500;1,000;2,000;5,000;10,000'",
    "6.7, 2339, '1;10;100;1,000;10,000'",
    "0.3, 0.9, '0.2;0.5;1'"
  })
  void aLogarithmicAxisEndsAtTicksAroundAllValues(double low, double high, String ticks) {
    Axis axis = Axis.logarithmic("", low, high);
    assertThat(texts(axis)).isEqualTo(ticks.replace(";", ", "));
    assertThat(axis.place().applyAsDouble(axis.ticks().getFirst().value())).isZero();
    assertThat(axis.place().applyAsDouble(axis.ticks().getLast().value()))
        .isCloseTo(1, within(1e-12));
  }

  @Test
  void foreignTextIsWellFormedAndAllSeriesAreInTheLegend() throws Exception {
    Document chart =
        parsed(
            new IntervalChart(
                    "a < b & \"c\"",
                    "<x>",
                    List.of(1.0, 2.0),
                    List.of(
                        new IntervalChart.Line(
                            "one & two", List.of(new IntervalChart.Point(1, 50, 40, 60))),
                        new IntervalChart.Line("x".repeat(100), List.of())))
                .file());
    NodeList texts = chart.getElementsByTagName("text");
    assertThat(texts.item(0).getTextContent()).isEqualTo("a < b & \"c\"");
    assertThat(texts.item(texts.getLength() - 2).getTextContent()).isEqualTo("one & two");
    assertThat(texts.item(texts.getLength() - 1).getTextContent()).isEqualTo("…" + "x".repeat(83));
    assertThat(chart.getElementsByTagName("g").item(0).getTextContent())
        .isEqualTo("one & two, 1: 50.0 % (40.0 to 60.0)");
  }

  private static String texts(Axis axis) {
    return String.join(", ", axis.ticks().stream().map(Axis.Tick::text).toList());
  }

  private static Document parsed(String svg) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(svg)));
  }

  @Test
  void barsBeginAtZeroAndTheirIntervalsStayWithinTheChart() {
    String svg =
        new BarChart(
                "Right <answers>",
                100,
                List.of(
                    new BarChart.Bar("a & b", "25 %", 25, 10, 50),
                    new BarChart.Bar("x".repeat(80) + "=end", "0 %", 0, 0, 0)))
            .svg();
    assertThat(svg)
        .contains("Right &lt;answers&gt;", "a &amp; b", "width='80.0'", "d='M40.0 ", "H168.0M")
        .contains("…xxx", "x=end<")
        .containsOnlyOnce("class='whisker'");
    assertThat(new BarChart("nothing", 0, List.of(new BarChart.Bar("a", "–", 0, 0, 0))).svg())
        .doesNotContain("NaN", "Infinity");
  }
}
