package dev.palimpsest.app.compare;

import dev.palimpsest.app.chart.SpeedChart;
import dev.palimpsest.lab.measure.Estimate;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** A comparison in a terminal: a block a contestant, in which every line fits 80 columns. */
final class ComparisonTable {
  private static final String LINE = "%7s %7s %6s %6s %5s %7s %8s %6s %6s %12s%n";

  private static final String PRICE = "%-16s %15s %10s %16s %16s%n";

  private static final int COLUMNS = 80;

  private ComparisonTable() {}

  static String of(Comparison comparison) {
    StringBuilder text = new StringBuilder();
    String contestant = "";
    for (Measurement row : comparison.measurements()) {
      if (!row.contestant().equals(contestant)) {
        contestant = row.contestant();
        text.append(contestant).append('\n');
        text.append(wrapped(row.sampler() + "; " + row.backend(), "  "));
        text.append(
            LINE.formatted(
                "at once",
                "right",
                "tokens",
                "NFE",
                "TPF",
                "token",
                "complete",
                "each",
                "all",
                "min..max"));
      }
      text.append(line(row));
    }
    text.append(
        """
        right, tokens, NFE, TPF: of one round; token, complete: median ms to the first
        token of the text and to its end; each, all: tokens/s of a request (median) and
        of all requests; min..max: of all, over the rounds
        """);
    prices(text, comparison);
    for (Comparison.Control each : comparison.controls()) {
      text.append(
          wrapped(
              String.format(
                  Locale.ROOT,
                  "control over first contestant, %d at once: %.3f (%.3f..%.3f) of its tokens/s",
                  each.concurrency(),
                  each.ratio(),
                  each.range().low(),
                  each.range().high()),
              ""));
    }
    return text.append(wrapped(Comparison.EXCLUDED, "")).toString();
  }

  /** A few lines a contestant: what an answer took, and that less the first contestant's. */
  private static void prices(StringBuilder text, Comparison comparison) {
    text.append(PRICE.formatted("of a problem", "right, %", "NFE", "opaque depth", "serial depth"));
    for (Price each : comparison.prices()) {
      text.append(wrapped(each.contestant(), ""));
      text.append(price("  mean", each.accuracy(), each.costs()));
      each.lessFirst()
          .ifPresent(less -> text.append(price("  less the first", less.accuracy(), less.costs())));
      each.handedOn()
          .ifPresent(
              passes ->
                  text.append(
                      "  hands on %s bits a position, %s%n"
                          .formatted(
                              grouped(passes.bits()),
                              passes.isTokens() ? "tokens only" : "not tokens alone")));
    }
    text.append(
        """
        opaque depth: operations one after the other with no token in between; serial
        depth: through tokens too. Intervals are in compare.html and compare.json
        """);
  }

  private static String price(String what, Estimate accuracy, Map<String, Estimate> costs) {
    return PRICE.formatted(
        what,
        grouped(100 * accuracy.value()),
        value(costs.get("nfe")),
        value(costs.get("opaque_depth")),
        value(costs.get("serial_depth")));
  }

  private static String value(@Nullable Estimate mean) {
    return mean == null ? "–" : grouped(mean.value());
  }

  /** A mean and its interval; a dash where it is not known. */
  static String mean(@Nullable Estimate mean) {
    return mean == null
        ? "–"
        : grouped(mean.value())
            + mean.interval()
                .map(each -> " [%s, %s]".formatted(grouped(each.low()), grouped(each.high())))
                .orElse("");
  }

  /** A number in thousands; with a digit behind the point if it is small and not whole. */
  static String grouped(double value) {
    return String.format(
        Locale.ROOT,
        Math.abs(value) >= 1000 || value == Math.rint(value) ? "%,.0f" : "%,.1f",
        value);
  }

  /** Lines of at most 80 columns, if no word is longer, each with an indent. */
  private static String wrapped(String text, String indent) {
    StringBuilder lines = new StringBuilder();
    StringBuilder line = new StringBuilder(indent);
    for (String word : text.split(" ", -1)) {
      if (line.length() > indent.length() && line.length() + 1 + word.length() > COLUMNS) {
        lines.append(line).append('\n');
        line = new StringBuilder(indent);
      }
      line.append(line.length() > indent.length() ? " " : "").append(word);
    }
    return lines.append(line).append('\n').toString();
  }

  private static String line(Measurement row) {
    return String.format(
        Locale.ROOT,
        LINE,
        row.concurrency(),
        String.format(Locale.ROOT, "%.1f %%", 100 * row.accuracy().value()),
        row.textTokens(),
        count(row.nfe()),
        decimals(row.tokensPerForward()),
        millis(row.toFirstTextToken(50)),
        millis(row.toComplete(50)),
        SpeedChart.rate(row.requestTokensPerSecond(50)),
        SpeedChart.rate(row.tokensPerSecond()),
        range(row.tokensPerSecondRange()));
  }

  /** The number; a dash where it is not known. */
  static String count(OptionalInt value) {
    return value.isPresent() ? String.valueOf(value.getAsInt()) : "–";
  }

  static String decimals(OptionalDouble value) {
    return value.isPresent() ? String.format(Locale.ROOT, "%.2f", value.getAsDouble()) : "–";
  }

  static String millis(OptionalDouble seconds) {
    return seconds.isPresent()
        ? String.format(Locale.ROOT, "%.1f", 1e3 * seconds.getAsDouble())
        : "–";
  }

  static String range(Estimate.Interval interval) {
    return SpeedChart.rate(interval.low()) + ".." + SpeedChart.rate(interval.high());
  }
}
