package dev.palimpsest.app.compare;

import dev.palimpsest.app.chart.BarChart;
import dev.palimpsest.app.chart.Chart;
import dev.palimpsest.app.chart.Html;
import dev.palimpsest.app.chart.LineChart;
import dev.palimpsest.app.chart.SpeedChart;
import dev.palimpsest.lab.measure.Estimate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.DoubleFunction;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/** A comparison as one HTML page that needs nothing else: no script, no font, no address. */
final class ComparisonPage {
  private static final String STYLE =
      """
      :root{color-scheme:light dark}
      body{background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;
      margin:1.5rem auto;max-width:62rem;padding:0 1rem;overflow-wrap:anywhere}
      h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
      .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:1rem}
      .bars{grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr))}
      .bars figure{max-width:26rem}
      figure{margin:0;max-width:44rem}figure svg{width:100%;height:auto}
      table{border-collapse:collapse;width:100%;font-size:.85rem;font-variant-numeric:tabular-nums}
      th,td{border-bottom:1px solid var(--rule);padding:.25rem .4rem;text-align:right}
      thead th{color:var(--soft);font-weight:600}
      tbody th{text-align:left;padding-top:.8rem}
      dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.15rem 1rem;font-size:.9rem}
      dt{color:var(--soft)}dd{margin:0}
      .legend{list-style:none;padding:0}
      .legend svg,tbody th svg{width:16px;height:16px;vertical-align:-3px}
      .note{color:var(--soft)}
      @media(max-width:44rem){thead{display:none}table,tbody,tr,th,td{display:block}
      tr{border-bottom:1px solid var(--rule);padding:.3rem 0}th,td{border:0;padding:.1rem 0}
      td{display:flex;justify-content:space-between;gap:1rem}
      td::before{content:attr(data-label);color:var(--soft);text-align:left}
      dl{grid-template-columns:1fr}dd{margin-bottom:.3rem}}
      """;

  private static final List<String> SPEED =
      List.of(
          "at once",
          "right [95 %]",
          "tokens",
          "NFE",
          "idle steps",
          "TPF",
          "tok/s all [min, max]",
          "tok/s each",
          "rounds");
  private static final List<String> TIMES =
      List.of(
          "at once",
          "first snapshot, ms",
          "first token, ms",
          "complete, ms",
          "step, ms",
          "prompt tokens",
          "weights, MB",
          "keys, values, MB",
          "step, MB");

  private static final List<String> PRICES =
      List.of(
          "right, % [95 %]",
          "NFE [95 %]",
          "opaque depth [95 %]",
          "serial depth [95 %]",
          "handed on, bits a position",
          "tokens only");
  private static final List<String> DIFFERENCES =
      List.of(
          "right, points [95 %]",
          "p", "p, Holm", "NFE [95 %]", "opaque depth [95 %]", "serial depth [95 %]");

  private static final Map<String, String> DEFINITIONS = new LinkedHashMap<>();

  static {
    DEFINITIONS.put(
        "right [95 %]",
        "Share of the problems whose answer is right in the first round, with Wilson's score"
            + " interval over problems.");
    DEFINITIONS.put(
        "tokens, prompt tokens",
        "Tokens of the texts before their ends, and of the prompts in their templates: sums over"
            + " the problems, in the first round.");
    DEFINITIONS.put(
        "NFE, idle steps, TPF",
        "Forwards run, once for every sequence computed; steps that asked nothing, for which none"
            + " was run; tokens per forward. In the first round.");
    DEFINITIONS.put(
        "NFE, opaque depth, serial depth [95 %], a problem",
        "Means over the problems, in the first round, with the bootstrap interval over problems;"
            + " without one where all are alike. Opaque depth: the most operations one after the"
            + " other with no token in between, in the block or canvas that has most of them; one"
            + " step's where tokens alone pass between steps. Serial depth: through tokens too, of"
            + " all steps. A server's are not known.");
    DEFINITIONS.put(
        "handed on, tokens only",
        "What passes from step to step beside what stands on the canvas, in bits for each of its"
            + " positions, with 32 for a number; and whether it is tokens, or nothing, so that the"
            + " guarantee holds.");
    DEFINITIONS.put(
        "less the first, points, p",
        "Differences on the same problems, with the paired bootstrap interval over them; of right"
            + " answers in percentage points, with McNemar's exact test, and that by Holm's"
            + " procedure among all contestants.");
    DEFINITIONS.put(
        "tok/s all [min, max]",
        "Tokens of all texts over the seconds from the first submission to the last completion, all"
            + " rounds together; in brackets that of the slowest round and of the fastest.");
    DEFINITIONS.put(
        "tok/s each",
        "Tokens of one text over its own seconds from submission to completion: the median over the"
            + " requests of all rounds.");
    DEFINITIONS.put(
        "first snapshot, first token, complete, step",
        "Milliseconds from submission to the end of the first step; to the end of the first step"
            + " that filled a position of the text, wherever in it, padding and ends of text not"
            + " counted; to the end; and from one step to the next. p50 / p95 / p99 by nearest"
            + " rank, over the requests of all rounds. Of a server: to its first piece of text, to"
            + " the end of its answer, and from piece to piece.");
    DEFINITIONS.put(
        "at once",
        "Requests that are under way together: as many as asked for, and no more than there are"
            + " problems.");
    DEFINITIONS.put(
        "weights, keys and values, step",
        "Memory that the contestant takes, as if alone: its weights where they are computed with;"
            + " the keys and values that are kept at the end of a run; the activations of its"
            + " largest step. The process's heap and what its threads work with are not in it. A"
            + " server's is not known.");
    DEFINITIONS.put(
        "rounds",
        "Every round runs every contestant at every concurrency, in the reverse order of the round"
            + " before. A model forgets the prompts of one run before the next; what a server keeps"
            + " of them is its own.");
    DEFINITIONS.put(
        "warm-up",
        ("Before the first round every contestant answers batches of requests at every concurrency,"
                + " in turn, until its last %d are within %.0f %% of each other, or %d were run.")
            .formatted(Rounds.ALIKE, 100 * (Rounds.STABLE - 1), Rounds.MOST_BATCHES));
    DEFINITIONS.put(
        "control",
        "The first contestant once more, as a contestant of its own with the same weights. What it"
            + " differs by is what a difference between contestants has to exceed.");
  }

  private ComparisonPage() {}

  /** The page of a comparison with at least one measurement. */
  static String of(Comparison comparison) {
    Map<String, List<Measurement>> contestants = byContestant(comparison);
    StringBuilder html = new StringBuilder();
    html.append("<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n")
        .append("<meta name='viewport' content='width=device-width,initial-scale=1'>\n")
        .append("<title>Comparison</title>\n<style>\n")
        .append(Chart.STYLE)
        .append(STYLE)
        .append("</style>\n</head>\n<body>\n<h1>Comparison on the same prompts</h1>\n");
    legend(html, contestants);
    list(
        html,
        "Not finished:",
        comparison.failures().stream().map(Rounds.Failure::sentence).toList());
    list(html, "Asked of nobody:", comparison.leftOut());
    html.append("<figure>").append(chart(comparison).svg()).append("</figure>\n");
    prices(html, comparison);
    html.append("<h2>Answers and speed</h2>\n");
    table(html, SPEED, contestants, ComparisonPage::speed);
    control(html, comparison);
    html.append("<h2>Times and memory</h2>\n<p class='note'>p50 / p95 / p99</p>\n");
    table(html, TIMES, contestants, ComparisonPage::times);
    html.append("<h2>Over requests at once</h2>\n<div class='charts'>\n");
    chart(html, contestants, "Tokens/s of all requests", Measurement::tokensPerSecond);
    chart(
        html, contestants, "Tokens/s of a request, median", row -> row.requestTokensPerSecond(50));
    chart(
        html,
        contestants,
        "Milliseconds to the first token of the text, median",
        row -> 1e3 * row.toFirstTextToken(50).orElse(Double.NaN));
    chart(
        html,
        contestants,
        "Milliseconds to complete, median",
        row -> 1e3 * row.toComplete(50).orElse(Double.NaN));
    html.append("</div>\n<h2>What was run</h2>\n<dl>\n");
    term(html, "date", comparison.date());
    term(html, "rounds", String.valueOf(comparison.roundsAsked()));
    comparison.setup().forEach((name, value) -> term(html, name.replace('_', ' '), shown(value)));
    html.append("</dl>\n<h2>What the numbers are</h2>\n<dl>\n");
    DEFINITIONS.forEach((name, meaning) -> term(html, name, meaning));
    html.append("</dl>\n<p class='note'>").append(Html.escape(Comparison.EXCLUDED));
    return html.append("</p>\n</body>\n</html>\n").toString();
  }

  /** Accuracy against speed, without the control. */
  static SpeedChart chart(Comparison comparison) {
    List<SpeedChart.Line> lines = new ArrayList<>();
    byContestant(comparison)
        .forEach(
            (name, rows) -> {
              if (!name.equals(comparison.control())) {
                lines.add(new SpeedChart.Line(name, points(rows)));
              }
            });
    return new SpeedChart(lines);
  }

  /** Where there is a speed to show. */
  private static List<SpeedChart.Point> points(List<Measurement> rows) {
    return rows.stream()
        .filter(row -> row.textTokens() > 0)
        .map(
            row ->
                new SpeedChart.Point(
                    row.concurrency(),
                    row.tokensPerSecond(),
                    row.tokensPerSecondRange().low(),
                    row.tokensPerSecondRange().high(),
                    100 * row.accuracy().value(),
                    100 * row.accuracy().interval().orElseThrow().low(),
                    100 * row.accuracy().interval().orElseThrow().high()))
        .filter(point -> point.slowest() > 0)
        .toList();
  }

  private static Map<String, List<Measurement>> byContestant(Comparison comparison) {
    Map<String, List<Measurement>> contestants = new LinkedHashMap<>();
    for (Measurement each : comparison.measurements()) {
      contestants.computeIfAbsent(each.contestant(), _ -> new ArrayList<>()).add(each);
    }
    return contestants;
  }

  private static List<String> speed(Measurement row) {
    Estimate accuracy = row.accuracy();
    Estimate.Interval interval = accuracy.interval().orElseThrow();
    Estimate.Interval range = row.tokensPerSecondRange();
    return List.of(
        String.valueOf(row.concurrency()),
        String.format(
            Locale.ROOT,
            "%.1f %% [%.1f, %.1f]",
            100 * accuracy.value(),
            100 * interval.low(),
            100 * interval.high()),
        String.valueOf(row.textTokens()),
        ComparisonTable.count(row.nfe()),
        ComparisonTable.count(row.idleSteps()),
        ComparisonTable.decimals(row.tokensPerForward()),
        "%s [%s, %s]"
            .formatted(
                SpeedChart.rate(row.tokensPerSecond()),
                SpeedChart.rate(range.low()),
                SpeedChart.rate(range.high())),
        SpeedChart.rate(row.requestTokensPerSecond(50)),
        String.valueOf(row.rounds().size()));
  }

  private static void prices(StringBuilder html, Comparison comparison) {
    Map<String, List<Price>> all = new LinkedHashMap<>();
    comparison.prices().forEach(each -> all.put(each.contestant(), List.of(each)));
    html.append(
        "<h2>Accuracy, forwards and serial depth, a problem</h2>\n<div class='charts bars'>\n");
    bars(html, "Right answers, %", 100, comparison.prices(), each -> percent(each.accuracy()));
    bars(html, "Forwards (NFE) a problem", 0, comparison.prices(), each -> each.costs().get("nfe"));
    bars(
        html,
        "Opaque serial depth: no token in between",
        0,
        comparison.prices(),
        each -> each.costs().get("opaque_depth"));
    bars(
        html,
        "Serial depth, through tokens too",
        0,
        comparison.prices(),
        each -> each.costs().get("serial_depth"));
    html.append("</div>\n");
    table(html, PRICES, all, ComparisonPage::price);
    all.values().removeIf(each -> each.getFirst().lessFirst().isEmpty());
    if (!all.isEmpty()) {
      html.append("<h2>Less ").append(Html.escape(comparison.first()));
      html.append(", problem by problem</h2>\n");
      table(html, DIFFERENCES, all, 1, ComparisonPage::difference);
    }
  }

  private static List<String> price(Price price) {
    return List.of(
        ComparisonTable.mean(percent(price.accuracy())),
        ComparisonTable.mean(price.costs().get("nfe")),
        ComparisonTable.mean(price.costs().get("opaque_depth")),
        ComparisonTable.mean(price.costs().get("serial_depth")),
        price.handedOn().map(each -> ComparisonTable.grouped(each.bits())).orElse("–"),
        price.handedOn().map(each -> each.isTokens() ? "yes" : "no").orElse("–"));
  }

  private static List<String> difference(Price price) {
    Price.LessFirst less = price.lessFirst().orElseThrow();
    return List.of(
        ComparisonTable.mean(percent(less.accuracy())),
        String.format(Locale.ROOT, "%.3f", less.p()),
        String.format(Locale.ROOT, "%.3f", less.adjusted()),
        ComparisonTable.mean(less.costs().get("nfe")),
        ComparisonTable.mean(less.costs().get("opaque_depth")),
        ComparisonTable.mean(less.costs().get("serial_depth")));
  }

  /** A share in percent. */
  private static Estimate percent(Estimate share) {
    return new Estimate(
        100 * share.value(),
        share.n(),
        share.interval().map(each -> new Estimate.Interval(100 * each.low(), 100 * each.high())));
  }

  private static void bars(
      StringBuilder html,
      String title,
      double most,
      List<Price> prices,
      Function<Price, @Nullable Estimate> value) {
    List<BarChart.Bar> bars = new ArrayList<>();
    int shared = shared(prices.stream().map(Price::contestant).toList());
    for (Price each : prices) {
      Estimate found = value.apply(each);
      String name = each.contestant().substring(shared);
      bars.add(
          found == null
              ? new BarChart.Bar(name, "not known", 0, 0, 0)
              : new BarChart.Bar(
                  name,
                  ComparisonTable.grouped(found.value()),
                  found.value(),
                  found.interval().map(Estimate.Interval::low).orElse(found.value()),
                  found.interval().map(Estimate.Interval::high).orElse(found.value())));
    }
    html.append("<figure>").append(new BarChart(title, most, bars).svg()).append("</figure>\n");
  }

  /** How long the beginning of all labels is that says nothing about their difference. */
  private static int shared(List<String> labels) {
    String first = labels.getFirst();
    int alike = 0;
    for (int end = 1; end < first.length() && labels.size() > 1; end++) {
      String beginning = first.substring(0, end);
      if (labels.stream().allMatch(each -> each.startsWith(beginning))
          && ",=/".contains(first.substring(end - 1, end))) {
        alike = end;
      }
    }
    return alike;
  }

  private static List<String> times(Measurement row) {
    return List.of(
        String.valueOf(row.concurrency()),
        percentiles(row::toFirstSnapshot),
        percentiles(row::toFirstTextToken),
        percentiles(row::toComplete),
        percentiles(row::betweenSteps),
        ComparisonTable.count(row.promptTokens()),
        row.memory().map(each -> megabytes(each.weightBytes())).orElse("–"),
        row.memory().map(each -> megabytes(each.kvCacheBytes())).orElse("–"),
        row.memory().map(each -> megabytes(each.stepBytes())).orElse("–"));
  }

  private static String megabytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f", bytes / 1e6);
  }

  private static String percentiles(DoubleFunction<OptionalDouble> seconds) {
    return seconds.apply(50).isEmpty()
        ? "–"
        : DoubleStream.of(50, 95, 99)
            .mapToObj(percentile -> ComparisonTable.millis(seconds.apply(percentile)))
            .collect(Collectors.joining(" / "));
  }

  private static void legend(StringBuilder html, Map<String, List<Measurement>> contestants) {
    html.append("<ul class='legend'>\n");
    int index = 0;
    for (Map.Entry<String, List<Measurement>> each : contestants.entrySet()) {
      Measurement first = each.getValue().getFirst();
      html.append("<li>").append(Chart.mark(index));
      html.append(" <strong>")
          .append(Html.escape(each.getKey()))
          .append("</strong> <span class='note'>")
          .append(
              Html.escape(first.sampler() + ": " + shown(first.options()) + "; " + first.backend()))
          .append("</span></li>\n");
      index++;
    }
    html.append("</ul>\n");
  }

  private static void list(StringBuilder html, String title, List<String> sentences) {
    if (!sentences.isEmpty()) {
      html.append("<p><strong>").append(title).append("</strong></p>\n<ul>\n");
      sentences.forEach(each -> html.append("<li>").append(Html.escape(each)).append("</li>\n"));
      html.append("</ul>\n");
    }
  }

  private static void control(StringBuilder html, Comparison comparison) {
    List<Comparison.Control> controls = comparison.controls();
    if (!controls.isEmpty()) {
      html.append("<p>The control's tokens/s over the first contestant's [min, max of rounds]: ")
          .append(
              controls.stream()
                  .map(
                      each ->
                          String.format(
                              Locale.ROOT,
                              "%.3f [%.3f, %.3f] at %d",
                              each.ratio(),
                              each.range().low(),
                              each.range().high(),
                              each.concurrency()))
                  .collect(Collectors.joining("; ")))
          .append(". ")
          .append(Html.escape(comparison.verdict()))
          .append("</p>\n");
    }
  }

  private static <R> void table(
      StringBuilder html,
      List<String> heads,
      Map<String, List<R>> contestants,
      Function<R, List<String>> cells) {
    table(html, heads, contestants, 0, cells);
  }

  /** A table whose first contestant has the mark of a number. */
  private static <R> void table(
      StringBuilder html,
      List<String> heads,
      Map<String, List<R>> contestants,
      int firstMark,
      Function<R, List<String>> cells) {
    html.append("<table>\n<thead><tr>");
    heads.forEach(each -> html.append("<th>").append(Html.escape(each)).append("</th>"));
    html.append("</tr></thead>\n<tbody>\n");
    int index = firstMark;
    for (Map.Entry<String, List<R>> each : contestants.entrySet()) {
      html.append("<tr><th colspan='")
          .append(heads.size())
          .append("'>")
          .append(Chart.mark(index++));
      html.append(' ').append(Html.escape(each.getKey())).append("</th></tr>\n");
      for (R row : each.getValue()) {
        html.append("<tr>");
        List<String> values = cells.apply(row);
        for (int column = 0; column < heads.size(); column++) {
          html.append("<td data-label='").append(Html.escape(heads.get(column))).append("'>");
          html.append(Html.escape(values.get(column))).append("</td>");
        }
        html.append("</tr>\n");
      }
    }
    html.append("</tbody>\n</table>\n");
  }

  private static void term(StringBuilder html, String name, String meaning) {
    html.append("<dt>").append(Html.escape(name)).append("</dt><dd>");
    html.append(Html.escape(meaning)).append("</dd>\n");
  }

  private static String shown(Object value) {
    return switch (value) {
      case Map<?, ?> fields ->
          fields.entrySet().stream()
              .map(each -> each.getKey() + " " + each.getValue())
              .collect(Collectors.joining(", "));
      case List<?> values -> values.stream().map(String::valueOf).collect(Collectors.joining(", "));
      case Long number -> String.format(Locale.ROOT, "%,d", number);
      default -> value.toString();
    };
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
}
