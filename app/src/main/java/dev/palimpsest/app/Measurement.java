package dev.palimpsest.app;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.ToDoubleFunction;

/**
 * One contestant at one concurrency. Rates over several requests are ratios of sums, never means of
 * ratios; percentiles are by nearest rank.
 *
 * @param contestant its label
 * @param backend what computed
 * @param sampler how texts were written
 * @param options of the sampler
 * @param concurrency requests that were under way at once
 * @param answers to the timed requests
 * @param seconds from the first submission to the last completion
 * @param peakBytes the most memory of this process meanwhile, loading included, if it is known; of
 *     a server it is not
 */
record Measurement(
    String contestant,
    String backend,
    String sampler,
    Map<String, Object> options,
    int concurrency,
    List<Answer> answers,
    double seconds,
    OptionalLong peakBytes) {

  /** Copies the answers. */
  Measurement {
    answers = List.copyOf(answers);
  }

  double accuracy() {
    return (double) answers.stream().filter(Answer::right).count() / answers.size();
  }

  int tokens() {
    return answers.stream().mapToInt(Answer::tokens).sum();
  }

  /** Tokens of all prompts, if all are known. */
  OptionalInt promptTokens() {
    return answers.stream().allMatch(each -> each.promptTokens().isPresent())
        ? OptionalInt.of(answers.stream().mapToInt(each -> each.promptTokens().getAsInt()).sum())
        : OptionalInt.empty();
  }

  /** Seconds from one step of a request to its next, over all steps of all requests. */
  OptionalDouble betweenSteps(double percentile) {
    double[] sorted =
        answers.stream().flatMapToDouble(each -> Arrays.stream(each.gaps())).sorted().toArray();
    return sorted.length == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(nearestRank(sorted, percentile));
  }

  /** Forwards of all requests, if all are known. */
  OptionalInt forwards() {
    return answers.stream().allMatch(each -> each.forwards().isPresent())
        ? OptionalInt.of(answers.stream().mapToInt(each -> each.forwards().getAsInt()).sum())
        : OptionalInt.empty();
  }

  /** Tokens of the texts per forward (TPF). */
  OptionalDouble tokensPerForward() {
    OptionalInt forwards = forwards();
    return forwards.isPresent() && forwards.getAsInt() > 0
        ? OptionalDouble.of((double) tokens() / forwards.getAsInt())
        : OptionalDouble.empty();
  }

  /** Tokens of all texts over the time of the whole measurement. */
  double aggregateTokensPerSecond() {
    return tokens() / seconds;
  }

  OptionalDouble toFirstSnapshot(double percentile) {
    return answers.stream().allMatch(each -> each.toFirstSnapshot().isPresent())
        ? OptionalDouble.of(percentile(percentile, each -> each.toFirstSnapshot().getAsDouble()))
        : OptionalDouble.empty();
  }

  double toFirstCommit(double percentile) {
    return percentile(percentile, Answer::toFirstCommit);
  }

  double toComplete(double percentile) {
    return percentile(percentile, Answer::toComplete);
  }

  double requestTokensPerSecond(double percentile) {
    return percentile(percentile, Answer::tokensPerSecond);
  }

  private double percentile(double percentile, ToDoubleFunction<Answer> value) {
    double[] sorted = answers.stream().mapToDouble(value).sorted().toArray();
    return nearestRank(sorted, percentile);
  }

  /** The smallest value that is no smaller than so many percent of them. */
  static double nearestRank(double[] sorted, double percentile) {
    int rank = (int) Math.ceil(percentile / 100 * sorted.length);
    return sorted[Math.clamp(rank, 1, sorted.length) - 1];
  }

  Map<String, Object> json() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("contestant", contestant);
    fields.put("backend", backend);
    fields.put("sampler", sampler);
    fields.put("options", options);
    fields.put("concurrency", concurrency);
    fields.put("requests", answers.size());
    fields.put("accuracy", accuracy());
    promptTokens().ifPresent(value -> fields.put("prompt_tokens", value));
    fields.put("tokens_before_eos", tokens());
    forwards().ifPresent(value -> fields.put("nfe", value));
    tokensPerForward().ifPresent(value -> fields.put("tpf", value));
    putSeconds(fields, "to_first_snapshot", this::toFirstSnapshot);
    putSeconds(fields, "to_first_committed", p -> OptionalDouble.of(toFirstCommit(p)));
    putSeconds(fields, "to_complete", p -> OptionalDouble.of(toComplete(p)));
    putSeconds(fields, "between_steps", this::betweenSteps);
    fields.put("tokens_per_second_of_a_request_p50", requestTokensPerSecond(50));
    fields.put("tokens_per_second", aggregateTokensPerSecond());
    fields.put("seconds", seconds);
    peakBytes.ifPresent(value -> fields.put("peak_resident_bytes", value));
    fields.put(
        "answers",
        answers.stream()
            .map(
                each -> {
                  Map<String, Object> row = new LinkedHashMap<>();
                  row.put("right", each.right());
                  each.promptTokens().ifPresent(value -> row.put("prompt_tokens", value));
                  row.put("tokens", each.tokens());
                  each.forwards().ifPresent(value -> row.put("nfe", value));
                  each.toFirstSnapshot()
                      .ifPresent(value -> row.put("seconds_to_first_snapshot", value));
                  row.put("seconds_to_first_committed", each.toFirstCommit());
                  row.put("seconds_to_complete", each.toComplete());
                  return row;
                })
            .toList());
    return fields;
  }

  private static void putSeconds(
      Map<String, Object> fields, String what, PercentileOf percentileOf) {
    for (int percentile : new int[] {50, 95, 99}) {
      percentileOf
          .seconds(percentile)
          .ifPresent(value -> fields.put("seconds_" + what + "_p" + percentile, value));
    }
  }

  /** A percentile of some time, if it is known. */
  private interface PercentileOf {
    OptionalDouble seconds(double percentile);
  }
}
