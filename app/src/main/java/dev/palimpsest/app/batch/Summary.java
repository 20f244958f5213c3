package dev.palimpsest.app.batch;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What became of the rows. May be asked by one thread while another adds. */
final class Summary {
  private final long before;
  private final long started = System.nanoTime();
  private long finished;
  private long errors;
  private long tokens;
  private long nfe;
  private Optional<String> firstError = Optional.empty();

  /**
   * Nothing yet.
   *
   * @param before results that were there
   */
  Summary(long before) {
    this.before = before;
  }

  synchronized void add(Answer.Result result) {
    finished++;
    tokens += result.tokens();
    nfe += result.nfe();
    if (result.error().isPresent()) {
      errors++;
      firstError = firstError.or(() -> result.error().map(why -> result.id() + ": " + why));
    }
  }

  /** Results that are there. */
  synchronized long there() {
    return before + finished;
  }

  private double seconds() {
    return (System.nanoTime() - started) / 1e9;
  }

  private double tpf() {
    return nfe == 0 ? 0 : (double) tokens / nfe;
  }

  /** The speed so far, short enough for a progress bar. */
  synchronized String speed() {
    return String.format(Locale.ROOT, "%.0f tokens/s, TPF %.2f", tokens / seconds(), tpf());
  }

  /** What to tell of rows that have an error. */
  synchronized Optional<String> complaint() {
    return firstError.map(
        first ->
            "%d of %d rows have an error; the first is row %s".formatted(errors, finished, first));
  }

  /** The numbers for machines. */
  synchronized Map<String, Object> json(int atOnce) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("rows", before + finished);
    fields.put("rows_before", before);
    fields.put("errors", errors);
    fields.put("tokens", tokens);
    fields.put("nfe", nfe);
    fields.put("tpf", tpf());
    fields.put("seconds", seconds());
    fields.put("tokens_per_second", tokens / seconds());
    fields.put("at_once", atOnce);
    return fields;
  }

  /** The numbers for people, at most 80 columns wide. */
  synchronized String text(int atOnce) {
    if (finished == 0) {
      return String.format(Locale.ROOT, "nothing was left to do: %,d rows are there%n", before);
    }
    return String.format(
        Locale.ROOT,
        "%,d rows%s, %,d tokens, %,d forwards (NFE), TPF %.2f%n"
            + "%.1f s, %.0f tokens/s, %d rows at once%n",
        finished,
        before == 0 ? "" : " and %d before".formatted(before),
        tokens,
        nfe,
        tpf(),
        seconds(),
        tokens / seconds(),
        atOnce);
  }
}
