package dev.palimpsest.app.battery;

import dev.palimpsest.app.chart.Chart;
import dev.palimpsest.app.chart.Html;
import dev.palimpsest.app.chart.IntervalChart;
import dev.palimpsest.lab.battery.Cell;
import dev.palimpsest.lab.battery.Contrast;
import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Figures;
import dev.palimpsest.lab.battery.ItemResult;
import dev.palimpsest.lab.measure.Estimate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** The report of a battery: one HTML page that needs nothing else. */
final class BatteryPage {
  private static final int MOST_TICKS = 9;
  private static final int EVEN_TICKS = 4;
  private static final double SIGNIFICANT = 0.05;

  /** Measures of the text that are shown at once. */
  private static final Set<String> MAIN =
      Set.of(
          "answered",
          "right",
          "nfe",
          "tpf",
          "first_hit",
          "first_right",
          "answer_committed_share",
          "reasoning_committed_share",
          "answer_flips",
          "temporal_entropy",
          "pair_concord",
          "vanished_tokens");

  private static final String STYLE =
      """
      :root{color-scheme:light dark}
      body{background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;
      margin:1.5rem auto;max-width:62rem;padding:0 1rem;overflow-wrap:anywhere}
      h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2.5rem}h3{font-size:1rem}
      figure{margin:0;max-width:44rem}figure svg{width:100%;height:auto}
      .scroll{overflow-x:auto}
      table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
      th,td{border-bottom:1px solid var(--rule);padding:.25rem .5rem;text-align:right;white-space:nowrap}
      th:first-child,td:first-child,td.word{text-align:left}
      thead th{color:var(--soft);font-weight:600}
      dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.15rem 1rem;font-size:.9rem}
      dt{color:var(--soft)}dd{margin:0}
      .note,summary{color:var(--soft)}summary{cursor:pointer}
      nav{columns:14rem;font-size:.9rem}nav a{display:block}
      a{color:var(--c0)}
      @media(max-width:30rem){dl{grid-template-columns:1fr}dd{margin-bottom:.3rem}}
      """;

  private final BatteryFile found;
  private final Figures figures;
  private final List<String> models;
  private final StringBuilder html = new StringBuilder();

  private BatteryPage(BatteryFile found, Figures figures) {
    this.found = found;
    this.figures = figures;
    models = found.facts().models().stream().map(BatteryFacts.ModelFacts::name).toList();
  }

  /**
   * The page.
   *
   * @param folder in which it will be, beside the pages of problems
   */
  static String of(Path folder, BatteryFile found, Figures figures) {
    return new BatteryPage(found, figures).write(folder);
  }

  private String write(Path folder) {
    String title = "Does the reasoning cause the answer?";
    html.append("<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n")
        .append("<meta name='viewport' content='width=device-width,initial-scale=1'>\n")
        .append("<title>")
        .append(title)
        .append("</title>\n<style>\n")
        .append(Chart.STYLE)
        .append(STYLE)
        .append("</style>\n</head>\n<body>\n<h1>")
        .append(title)
        .append("</h1>\n<p class='note'>")
        .append(Html.escape(String.join(" and ", models)))
        .append(": ")
        .append(items())
        .append(
            " problems each. In brackets are 95 % intervals, n is the number of problems. Numbers"
                + " are defined in docs/battery.md; items.jsonl.gz has every observation.</p>\n");
    List<Section> sections =
        Section.ALL.stream()
            .filter(each -> found.facts().settings().parts().contains(each.part()))
            .toList();
    html.append("<nav>\n<a href='#text'>Without a change</a>\n");
    for (Section each : sections) {
      html.append("<a href='#%s'>%s</a>\n".formatted(each.part(), Html.escape(each.title())));
    }
    html.append("<a href='#run'>What was run</a>\n</nav>\n");
    html.append("<h2 id='text'>Without a change</h2>\n");
    figureTable(Figures.TEXT, MAIN::contains);
    html.append("<details><summary>Every measure</summary>\n");
    figureTable(Figures.TEXT, _ -> true);
    html.append("</details>\n");
    problems(folder);
    sections.forEach(this::section);
    run();
    return html.append("</body>\n</html>\n").toString();
  }

  private long items() {
    return found.items().stream().map(ItemResult::item).distinct().count();
  }

  private void section(Section section) {
    html.append(
        "<h2 id='%s'>%s</h2>\n<p>%s</p>\n"
            .formatted(section.part(), Html.escape(section.title()), Html.escape(section.text())));
    if (!section.xTitle().isEmpty()) {
      chart(section, BatteryPage::x, section.xTitle());
    }
    if (section.part().equals("compute")) {
      chart(section, Cell::nfe, "mean forwards (NFE)");
    }
    figureTable(section.part(), _ -> true);
    cellTable(section.part());
    contrastTable(section.part());
  }

  /** A line for each condition of each model. */
  private void chart(Section section, ToDoubleFunction<Cell> x, String xTitle) {
    Map<String, Map<String, List<Cell>>> conditions = new LinkedHashMap<>();
    for (Cell cell : cells(section.part())) {
      if (cell.key().x().isPresent() && cell.key().state().isEmpty()) {
        conditions
            .computeIfAbsent(cell.key().condition(), _ -> new LinkedHashMap<>())
            .computeIfAbsent(cell.model(), _ -> new ArrayList<>())
            .add(cell);
      }
    }
    List<IntervalChart.Line> lines = new ArrayList<>();
    Set<Double> xs = new TreeSet<>();
    conditions.forEach(
        (condition, byModel) ->
            byModel.forEach(
                (model, cells) -> {
                  List<IntervalChart.Point> points =
                      cells.stream()
                          .sorted(Comparator.comparingDouble(x))
                          .map(cell -> point(cell, x, section.outcome()))
                          .toList();
                  points.forEach(point -> xs.add(point.x()));
                  if (points.size() > 1) {
                    lines.add(new IntervalChart.Line(model + ", " + condition, points));
                  }
                }));
    if (!lines.isEmpty()) {
      html.append("<figure>")
          .append(
              new IntervalChart(
                      section.outcome().equals("right")
                          ? "Right answers, %"
                          : "Same answer as without the change, %",
                      xTitle,
                      ticks(xs),
                      lines)
                  .svg())
          .append("</figure>\n");
    }
  }

  private static double x(Cell cell) {
    return cell.key().x().orElseThrow();
  }

  private static IntervalChart.Point point(Cell cell, ToDoubleFunction<Cell> x, String outcome) {
    Estimate estimate = outcome.equals("right") ? cell.right() : cell.same();
    Estimate.Interval interval =
        estimate.interval().orElse(new Estimate.Interval(estimate.value(), estimate.value()));
    return new IntervalChart.Point(
        x.applyAsDouble(cell), 100 * estimate.value(), 100 * interval.low(), 100 * interval.high());
  }

  /** The values themselves if there is room for them, else even ones from the first to the last. */
  private static List<Double> ticks(Set<Double> xs) {
    List<Double> all = List.copyOf(xs);
    double first = all.getFirst();
    double last = all.getLast();
    double room = (last - first) / MOST_TICKS;
    boolean fit =
        IntStream.range(1, all.size())
            .allMatch(index -> all.get(index) - all.get(index - 1) >= room);
    return fit
        ? all
        : IntStream.rangeClosed(0, EVEN_TICKS)
            .mapToObj(index -> first + (last - first) * index / EVEN_TICKS)
            .toList();
  }

  private List<Cell> cells(String part) {
    return figures.cells().stream().filter(each -> each.key().part().equals(part)).toList();
  }

  private void figureTable(String part, Predicate<String> shown) {
    Set<String> names = new LinkedHashSet<>();
    Map<String, Map<String, Figure>> byName = new LinkedHashMap<>();
    for (Figure each : figures.figures()) {
      if (each.part().equals(part) && shown.test(each.name())) {
        names.add(each.name());
        byName.computeIfAbsent(each.name(), _ -> new LinkedHashMap<>()).put(each.model(), each);
      }
    }
    if (names.isEmpty()) {
      return;
    }
    List<String> head = new ArrayList<>(List.of(""));
    head.addAll(models);
    begin(head);
    for (String name : names) {
      List<String> row = new ArrayList<>(List.of(name));
      for (String model : models) {
        Figure figure = byName.getOrDefault(name, Map.of()).get(model);
        row.add(figure == null ? "–" : number(figure.estimate()) + n(figure.estimate()));
      }
      row(row);
    }
    end();
  }

  private void cellTable(String part) {
    List<Cell> cells = cells(part);
    if (cells.isEmpty()) {
      return;
    }
    html.append("<details><summary>Every condition</summary>\n");
    begin(
        List.of(
            "condition",
            "model",
            "x",
            "answer",
            "n",
            "answered",
            "same",
            "right",
            "NFE",
            "besides"));
    for (Cell cell : cells) {
      row(
          List.of(
              cell.key().condition(),
              cell.model(),
              cell.key().x().isPresent() ? decimals(x(cell)) : "",
              cell.key().state().orElse(""),
              cell.items() == cell.observations()
                  ? String.valueOf(cell.items())
                  : cell.items() + " (" + cell.observations() + ")",
              percent(cell.answered()),
              percent(cell.same()),
              percent(cell.right()),
              String.format(Locale.ROOT, "%.1f", cell.nfe()),
              besides(cell)));
    }
    end();
    html.append("</details>\n");
  }

  private static String besides(Cell cell) {
    List<String> texts = new ArrayList<>();
    cell.flags().forEach((name, share) -> texts.add(name + " " + percent(share)));
    cell.numbers().forEach((name, mean) -> texts.add(name + " " + number(mean)));
    return String.join("; ", texts);
  }

  private void contrastTable(String part) {
    List<Contrast> contrasts =
        figures.contrasts().stream().filter(each -> each.part().equals(part)).toList();
    if (contrasts.isEmpty()) {
      return;
    }
    long clear = contrasts.stream().filter(each -> each.adjusted() < SIGNIFICANT).count();
    html.append(
        "<details><summary>%s less %s: %d of %d differences are clear (p by Holm below %s)</summary>\n"
            .formatted(
                Html.escape(models.get(0)),
                Html.escape(models.get(1)),
                clear,
                contrasts.size(),
                SIGNIFICANT));
    begin(List.of("condition", "x", "outcome", "difference", "n", "p", "p by Holm"));
    for (Contrast each : contrasts) {
      row(
          List.of(
              each.condition(),
              each.x().isPresent() ? decimals(each.x().getAsDouble()) : "",
              each.outcome(),
              percent(each.difference()),
              String.valueOf(each.difference().n()),
              p(each.p()),
              p(each.adjusted())));
    }
    end();
    html.append("</details>\n");
  }

  private void problems(Path folder) {
    List<ItemResult> shown =
        found.items().stream().filter(item -> ProblemPages.of(folder, item).isPresent()).toList();
    if (shown.isEmpty()) {
      return;
    }
    html.append("<details><summary>Every step of the first problems</summary>\n<ul>\n");
    for (ItemResult item : shown) {
      Optional<String> page = ProblemPages.of(folder, item);
      html.append(
          "<li><a href='%s'>%s, %s</a>: %s</li>\n"
              .formatted(
                  Html.escape(page.orElseThrow().replace("%", "%25")),
                  Html.escape(item.model()),
                  Html.escape(item.id()),
                  Html.escape(item.text())));
    }
    html.append("</ul></details>\n");
  }

  private void run() {
    html.append("<h2 id='run'>What was run</h2>\n<dl>\n");
    for (BatteryFacts.ModelFacts model : found.facts().models()) {
      term(
          model.name(),
          "SHA-256 %s…, %s %s, %s, %s"
              .formatted(
                  model.sha256().substring(0, 12),
                  model.sampler(),
                  model.options(),
                  model.precision(),
                  model.arithmetic()));
    }
    term("problems", found.facts().file() + ", SHA-256 " + found.facts().problems());
    term("answer", found.facts().answerPattern());
    term("settings", found.facts().settings().toString());
    term("engine", found.facts().engine());
    html.append("</dl>\n");
  }

  private void term(String name, String meaning) {
    html.append("<dt>%s</dt><dd>%s</dd>\n".formatted(Html.escape(name), Html.escape(meaning)));
  }

  private void begin(List<String> head) {
    html.append("<div class='scroll'><table><thead><tr>");
    head.forEach(each -> html.append("<th>").append(Html.escape(each)).append("</th>"));
    html.append("</tr></thead><tbody>\n");
  }

  private void row(List<String> cells) {
    html.append("<tr>");
    cells.forEach(each -> html.append("<td>").append(Html.escape(each)).append("</td>"));
    html.append("</tr>\n");
  }

  private void end() {
    html.append("</tbody></table></div>\n");
  }

  private static String number(Estimate estimate) {
    return decimals(estimate.value())
        + estimate
            .interval()
            .map(each -> " [" + decimals(each.low()) + ", " + decimals(each.high()) + "]")
            .orElse("");
  }

  private static String n(Estimate estimate) {
    return ", n " + estimate.n();
  }

  private static String decimals(double value) {
    return String.format(Locale.ROOT, Math.abs(value) >= 100 ? "%.1f" : "%.3f", value);
  }

  private static String percent(Estimate estimate) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * estimate.value())
        + estimate
            .interval()
            .map(
                each ->
                    String.format(
                        Locale.ROOT, " [%.1f, %.1f]", 100 * each.low(), 100 * each.high()))
            .orElse("");
  }

  private static String p(double value) {
    return value < 1e-4 ? "< 0.0001" : String.format(Locale.ROOT, "%.4f", value);
  }
}
