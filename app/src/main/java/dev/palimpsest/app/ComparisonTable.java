package dev.palimpsest.app;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/** Measurements as rows of text, in the terminal and on the page. */
final class ComparisonTable {
  static final List<String> HEADS =
      List.of(
          "contestant",
          "at once",
          "right",
          "tokens",
          "NFE",
          "TPF",
          "1st snapshot ms p50/p95/p99",
          "1st token ms p50/p95/p99",
          "complete ms p50/p95/p99",
          "tok/s each",
          "tok/s all",
          "step ms p50/p95/p99",
          "prompt tokens",
          "peak MB");

  /** The columns that the terminal has room for, after the contestant's name. */
  private static final int SHOWN = 11;

  private ComparisonTable() {}

  static List<String> cells(Measurement row) {
    OptionalInt forwards = row.forwards();
    OptionalDouble tpf = row.tokensPerForward();
    return List.of(
        row.contestant(),
        String.valueOf(row.concurrency()),
        String.format(Locale.ROOT, "%.1f %%", 100 * row.accuracy()),
        String.valueOf(row.tokens()),
        forwards.isPresent() ? String.valueOf(forwards.getAsInt()) : "–",
        tpf.isPresent() ? String.format(Locale.ROOT, "%.2f", tpf.getAsDouble()) : "–",
        millis(row::toFirstSnapshot),
        millis(percentile -> OptionalDouble.of(row.toFirstCommit(percentile))),
        millis(percentile -> OptionalDouble.of(row.toComplete(percentile))),
        String.format(Locale.ROOT, "%.0f", row.requestTokensPerSecond(50)),
        String.format(Locale.ROOT, "%.0f", row.aggregateTokensPerSecond()),
        millis(row::betweenSteps),
        row.promptTokens().isPresent() ? String.valueOf(row.promptTokens().getAsInt()) : "–",
        row.peakBytes().isPresent()
            ? String.format(Locale.ROOT, "%.0f", row.peakBytes().getAsLong() / 1e6)
            : "–");
  }

  private static String millis(DoubleFunction<OptionalDouble> seconds) {
    return seconds.apply(50).isEmpty()
        ? "–"
        : DoubleStream.of(50, 95, 99)
            .map(percentile -> 1e3 * seconds.apply(percentile).orElseThrow())
            .mapToObj(each -> String.format(Locale.ROOT, "%.1f", each))
            .collect(Collectors.joining(" / "));
  }

  /** A block a contestant: every line fits 80 columns if its name does. */
  static String of(List<Measurement> measurements) {
    StringBuilder text = new StringBuilder();
    String contestant = "";
    for (Measurement row : measurements) {
      if (!row.contestant().equals(contestant)) {
        contestant = row.contestant();
        text.append(contestant).append(" (").append(row.sampler()).append("; ");
        text.append(row.backend()).append(")\n");
        text.append(
            line(
                List.of(
                    "at once",
                    "right",
                    "tokens",
                    "NFE",
                    "TPF",
                    "snapshot",
                    "token",
                    "complete",
                    "each",
                    "all")));
      }
      List<String> cells = new ArrayList<>(cells(row).subList(1, SHOWN));
      for (int times = 5; times < 8; times++) {
        // The terminal has room for the medians; the page and the JSON hold both.
        cells.set(times, cells.get(times).replaceFirst(" / .*", ""));
      }
      text.append(line(cells));
    }
    return text.append("snapshot, token, complete: median ms to the first snapshot, the first")
        .append(" committed\ntoken and the end; each, all: tokens/s of a request (median) and")
        .append(" of all\n")
        .toString();
  }

  private static String line(List<String> cells) {
    return String.format(Locale.ROOT, "%8s %8s %7s %7s %6s %9s %7s %9s %6s %6s%n", cells.toArray());
  }
}
