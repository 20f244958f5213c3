package dev.palimpsest.app.eval;

import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.terminal.Wording;
import dev.palimpsest.lab.measure.Estimate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What the outcomes of problems amount to. Accuracy is the share of right answers, with Wilson's 95
 * % interval; forwards, idle steps and tokens are sums over the problems, and TPF is tokens over
 * forwards.
 *
 * @param problems all that there are
 * @param outcomes of those that are finished, in the order of the problems
 */
record EvalReport(List<Problem> problems, List<EvalOutcome> outcomes) {
  boolean isComplete() {
    return outcomes.size() == problems.size();
  }

  private static Estimate accuracy(List<EvalOutcome> some) {
    return Estimate.share((int) some.stream().filter(EvalOutcome::right).count(), some.size());
  }

  private Map<Integer, List<EvalOutcome>> bySteps() {
    return outcomes.stream()
        .filter(each -> problems.get(each.problem()).steps().isPresent())
        .collect(
            Collectors.groupingBy(
                each -> problems.get(each.problem()).steps().orElseThrow(),
                TreeMap::new,
                Collectors.toList()));
  }

  private long nfe() {
    return outcomes.stream().mapToLong(EvalOutcome::nfe).sum();
  }

  private long idleSteps() {
    return outcomes.stream().mapToLong(EvalOutcome::idleSteps).sum();
  }

  private long textTokens() {
    return outcomes.stream().mapToLong(each -> each.tokens().size()).sum();
  }

  Map<String, Object> json() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("problems", problems.size());
    fields.put("complete", isComplete());
    fields.put("right", outcomes.stream().filter(EvalOutcome::right).count());
    putAccuracy(fields, accuracy(outcomes));
    Map<String, Object> accuracies = new LinkedHashMap<>();
    bySteps()
        .forEach(
            (steps, some) -> {
              Map<String, Object> row = new LinkedHashMap<>();
              putAccuracy(row, accuracy(some));
              accuracies.put(String.valueOf(steps), row);
            });
    fields.put("by_steps", accuracies);
    fields.put("nfe", nfe());
    fields.put("idle_steps", idleSteps());
    fields.put("text_tokens", textTokens());
    if (nfe() > 0) {
      fields.put("tpf", (double) textTokens() / nfe());
    }
    return fields;
  }

  private static void putAccuracy(Map<String, Object> fields, Estimate accuracy) {
    fields.put("n", accuracy.n());
    fields.put("accuracy", accuracy.value());
    accuracy
        .interval()
        .ifPresent(
            interval -> {
              fields.put("accuracy_low", interval.low());
              fields.put("accuracy_high", interval.high());
            });
  }

  /** The report as a text for people, at most 80 columns wide. */
  String text() {
    StringBuilder text = new StringBuilder();
    if (!isComplete()) {
      text.append("%d of %d problems finished%n".formatted(outcomes.size(), problems.size()));
    }
    text.append(line("", "answers right", outcomes));
    bySteps()
        .forEach(
            (steps, some) ->
                text.append(
                    line("  %d step%s: ".formatted(steps, steps == 1 ? "" : "s"), "", some)));
    text.append("%d forwards (NFE)".formatted(nfe()));
    text.append(Wording.idle(Math.toIntExact(idleSteps())));
    text.append(", %d tokens before the end of text".formatted(textTokens()));
    if (nfe() > 0) {
      text.append(
          String.format(Locale.ROOT, ",%n%.2f a forward (TPF)", (double) textTokens() / nfe()));
    }
    return text.append(System.lineSeparator()).toString();
  }

  private static String line(String begin, String what, List<EvalOutcome> some) {
    Estimate accuracy = accuracy(some);
    return "%s%d of %d%s: %s%n"
        .formatted(
            begin,
            some.stream().filter(EvalOutcome::right).count(),
            some.size(),
            what.isEmpty() ? "" : " " + what,
            Wording.percent(accuracy));
  }
}
