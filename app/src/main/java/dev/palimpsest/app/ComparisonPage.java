package dev.palimpsest.app;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** Measurements as one HTML page that needs nothing else: no script, no font, no address. */
final class ComparisonPage {
  /** What no number of a comparison contains. */
  static final String EXCLUDED =
      "Not in any number: loading, warm-up requests (compilation and graph capture fall into"
          + " them), and tokens after the end of a text.";

  private static final String STYLE =
      """
      :root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--soft:#5a6470;--rule:#d8dee4;
      --c0:#0b63a5;--c1:#c2410c;--c2:#0f7a5a;--c3:#a2307f;--c4:#8a6a00;--c5:#4b4fc4}
      @media(prefers-color-scheme:dark){:root{--back:#14171b;--text:#e6e9ec;--soft:#9aa5b1;
      --rule:#353b43;--c0:#5aa9e6;--c1:#f28b54;--c2:#4cc29b;--c3:#e07bc0;--c4:#d9b340;--c5:#9a9df5}}
      body{background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;
      margin:2rem auto;max-width:70rem;padding:0 1rem}
      h1{font-size:1.4rem}
      .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1rem}
      figure{margin:0}
      .scroll{overflow-x:auto}
      table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap}
      th,td{border-bottom:1px solid var(--rule);padding:.3rem .6rem;text-align:right}
      th:first-child,td:first-child{text-align:left}
      th{color:var(--soft);font-weight:600}
      .legend{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;list-style:none;padding:0}
      .legend svg{width:16px;height:16px;vertical-align:-3px}
      .note{color:var(--soft)}
      svg text{fill:var(--text);font:12px system-ui,sans-serif}
      svg .title{font-weight:600;font-size:13px}
      svg .tick{fill:var(--soft)}
      svg .grid{stroke:var(--rule)}
      svg .line{fill:none;stroke-width:2}
      .c0{stroke:var(--c0);fill:var(--c0)}.c1{stroke:var(--c1);fill:var(--c1)}
      .c2{stroke:var(--c2);fill:var(--c2)}.c3{stroke:var(--c3);fill:var(--c3)}
      .c4{stroke:var(--c4);fill:var(--c4)}.c5{stroke:var(--c5);fill:var(--c5)}
      svg polyline.line{fill:none}
      """;

  private ComparisonPage() {}

  /**
   * The page.
   *
   * @param measurements at least one
   * @param failures what could not be measured
   */
  static String of(
      List<Measurement> measurements,
      List<CompareCommand.Failure> failures,
      int problems,
      int warmUp,
      int threads) {
    Map<String, List<Measurement>> contestants = new LinkedHashMap<>();
    for (Measurement each : measurements) {
      contestants.computeIfAbsent(each.contestant(), _ -> new ArrayList<>()).add(each);
    }
    StringBuilder html = new StringBuilder();
    html.append("<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n")
        .append("<meta name='viewport' content='width=device-width,initial-scale=1'>\n")
        .append("<title>Comparison</title>\n<style>\n")
        .append(STYLE)
        .append("</style>\n</head>\n<body>\n<h1>Comparison on the same prompts</h1>\n");
    html.append(
        String.format(
            Locale.ROOT,
            "<p class='note'>%d problems; %d warm-up requests before each measurement; %d"
                + " threads; Java %s. %s Rates over requests are ratios of sums; percentiles are"
                + " by nearest rank.</p>%n",
            problems,
            warmUp,
            threads,
            escape(Runtime.version().toString()),
            escape(EXCLUDED)));
    legend(html, contestants);
    if (!failures.isEmpty()) {
      html.append("<p><strong>Not measured:</strong></p>\n<ul>\n");
      for (CompareCommand.Failure each : failures) {
        html.append("<li>").append(escape(each.sentence())).append("</li>\n");
      }
      html.append("</ul>\n");
    }
    html.append("<div class='charts'>\n");
    chart(html, contestants, "Tokens/s of all requests", Measurement::aggregateTokensPerSecond);
    chart(
        html, contestants, "Tokens/s of a request, median", row -> row.requestTokensPerSecond(50));
    chart(html, contestants, "Milliseconds to complete, median", row -> 1e3 * row.toComplete(50));
    chart(html, contestants, "Milliseconds to complete, p95", row -> 1e3 * row.toComplete(95));
    chart(
        html,
        contestants,
        "Milliseconds to the first committed token, median",
        row -> 1e3 * row.toFirstCommit(50));
    chart(html, contestants, "Right answers, %", row -> 100 * row.accuracy());
    html.append("</div>\n<div class='scroll'><table>\n");
    row(html, "th", ComparisonTable.HEADS);
    for (Measurement each : measurements) {
      row(html, "td", ComparisonTable.cells(each));
    }
    return html.append("</table></div>\n</body>\n</html>\n").toString();
  }

  private static void legend(StringBuilder html, Map<String, List<Measurement>> contestants) {
    html.append("<ul class='legend'>\n");
    int index = 0;
    for (Map.Entry<String, List<Measurement>> each : contestants.entrySet()) {
      Measurement first = each.getValue().getFirst();
      html.append("<li><svg viewBox='-8 -8 16 16' aria-hidden='true'>")
          .append(LineChart.mark(index, 0, 0))
          .append("</svg> <strong>")
          .append(escape(each.getKey()))
          .append("</strong> <span class='note'>")
          .append(escape(first.sampler() + " " + first.options() + "; " + first.backend()))
          .append("</span></li>\n");
      index++;
    }
    html.append("</ul>\n");
  }

  private static void chart(
      StringBuilder html,
      Map<String, List<Measurement>> contestants,
      String title,
      ToDoubleFunction<Measurement> value) {
    List<Integer> concurrencies =
        contestants.values().stream()
            .flatMap(List::stream)
            .map(Measurement::concurrency)
            .distinct()
            .toList();
    List<LineChart.Line> lines = new ArrayList<>();
    contestants.forEach(
        (name, rows) -> lines.add(new LineChart.Line(name, values(rows, concurrencies, value))));
    html.append("<figure>")
        .append(
            new LineChart(
                    title,
                    "requests at once",
                    concurrencies.stream().map(String::valueOf).toList(),
                    lines)
                .svg())
        .append("</figure>\n");
  }

  /** One per concurrency; NaN where the contestant was not measured. */
  private static double[] values(
      List<Measurement> rows, List<Integer> concurrencies, ToDoubleFunction<Measurement> value) {
    return concurrencies.stream()
        .mapToDouble(
            concurrency ->
                rows.stream()
                    .filter(row -> row.concurrency() == concurrency)
                    .mapToDouble(value)
                    .findFirst()
                    .orElse(Double.NaN))
        .toArray();
  }

  private static void row(StringBuilder html, String tag, List<String> cells) {
    html.append("<tr>");
    for (String cell : cells) {
      html.append('<').append(tag).append('>').append(escape(cell));
      html.append("</").append(tag).append('>');
    }
    html.append("</tr>\n");
  }

  /** Text as it may stand in an element or a quoted attribute. */
  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&quot;");
  }
}
