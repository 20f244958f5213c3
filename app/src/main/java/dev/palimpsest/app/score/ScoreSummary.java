package dev.palimpsest.app.score;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** What came of all rows. */
final class ScoreSummary {
  private final Map<String, Object> method;
  private final long started = System.nanoTime();
  private long rows;
  private long errors;
  private long tokens;
  private long forwards;
  private double logprob;
  private double squaredErrors;
  private boolean allHaveErrors = true;
  private Optional<String> firstError = Optional.empty();

  /**
   * Nothing yet.
   *
   * @param method its name and what it draws
   */
  ScoreSummary(Map<String, Object> method) {
    this.method = method;
  }

  void ran() {
    forwards++;
  }

  void add(ScoreResult result) {
    rows++;
    switch (result) {
      case ScoreResult.Failed(String id, String error) -> {
        errors++;
        firstError = firstError.or(() -> Optional.of(id + ": " + error));
      }
      case ScoreResult.Scored scored -> {
        tokens += scored.tokens();
        logprob += scored.likelihood().value();
        OptionalDouble error = scored.likelihood().standardError();
        allHaveErrors &= error.isPresent();
        squaredErrors += error.orElse(0) * error.orElse(0);
      }
    }
  }

  long forwards() {
    return forwards;
  }

  /** What to tell of rows that have an error. */
  Optional<String> complaint() {
    return firstError.map(
        first -> "%d of %d rows have an error; the first is row %s".formatted(errors, rows, first));
  }

  /** That of the sum; rows are drawn independently. */
  private OptionalDouble standardError() {
    return tokens > 0 && allHaveErrors
        ? OptionalDouble.of(Math.sqrt(squaredErrors))
        : OptionalDouble.empty();
  }

  private double perplexity() {
    return Math.exp(-logprob / tokens);
  }

  /** The numbers for machines. */
  Map<String, Object> json() {
    Map<String, Object> fields = new LinkedHashMap<>(method);
    fields.put("rows", rows);
    fields.put("errors", errors);
    fields.put("tokens", tokens);
    fields.put("logprob", logprob);
    standardError().ifPresent(error -> fields.put("standard_error", error));
    if (tokens > 0) {
      fields.put("perplexity", perplexity());
    }
    fields.put("nfe", forwards);
    fields.put("seconds", (System.nanoTime() - started) / 1e9);
    return fields;
  }

  /** A number of things, as in "1 row" and "2 rows". */
  static String counted(long number, String thing) {
    return String.format(Locale.ROOT, "%,d %s%s", number, thing, number == 1 ? "" : "s");
  }

  /** The numbers for people, at most 80 columns wide. */
  String text() {
    String what =
        String.format(
            Locale.ROOT,
            "%s: %s, %s, %s (NFE), %.1f s",
            method.get("method"),
            counted(rows, "row"),
            counted(tokens, "token"),
            counted(forwards, "forward"),
            (System.nanoTime() - started) / 1e9);
    if (tokens == 0) {
      return what;
    }
    String error =
        standardError().isPresent()
            ? String.format(Locale.ROOT, " ± %.4g", standardError().getAsDouble())
            : "";
    return what
        + String.format(
            Locale.ROOT,
            "%nlog-probability %.3f%s nats, perplexity %.4g",
            logprob,
            error,
            perplexity());
  }
}
