package dev.palimpsest.app;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalInt;

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
          "1st snapshot ms p50/p95",
          "1st token ms p50/p95",
          "complete ms p50/p95",
          "tok/s each",
          "tok/s all");

  private ComparisonTable() {}

  static List<String> cells(Measurement row) {
    OptionalInt forwards = row.forwards();
    OptionalDouble tpf = row.tokensPerForward();
    OptionalDouble snapshot = row.toFirstSnapshot(50);
    return List.of(
        row.contestant(),
        String.valueOf(row.concurrency()),
        String.format(Locale.ROOT, "%.1f %%", 100 * row.accuracy()),
        String.valueOf(row.tokens()),
        forwards.isPresent() ? String.valueOf(forwards.getAsInt()) : "–",
        tpf.isPresent() ? String.format(Locale.ROOT, "%.2f", tpf.getAsDouble()) : "–",
        snapshot.isPresent()
            ? millis(snapshot.getAsDouble(), row.toFirstSnapshot(95).orElseThrow())
            : "–",
        millis(row.toFirstCommit(50), row.toFirstCommit(95)),
        millis(row.toComplete(50), row.toComplete(95)),
        String.format(Locale.ROOT, "%.0f", row.requestTokensPerSecond(50)),
        String.format(Locale.ROOT, "%.0f", row.aggregateTokensPerSecond()));
  }

  private static String millis(double p50, double p95) {
    return String.format(Locale.ROOT, "%.1f / %.1f", 1e3 * p50, 1e3 * p95);
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
      List<String> cells = new ArrayList<>(cells(row).subList(1, HEADS.size()));
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
