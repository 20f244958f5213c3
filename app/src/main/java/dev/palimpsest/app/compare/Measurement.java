package dev.palimpsest.app.compare;

import dev.palimpsest.api.HandedOn;
import dev.palimpsest.lab.measure.Estimate;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * One contestant at one concurrency, in one or more rounds over the same problems.
 *
 * <p>Answers and counts are those of the first round. Rates and times are over the requests of all
 * rounds: rates are ratios of sums, never means of ratios; percentiles are by nearest rank.
 *
 * @param contestant its label
 * @param backend what computed
 * @param sampler how texts were written
 * @param options of the sampler
 * @param handedOn what passes between steps, if it is known
 * @param concurrency requests that were under way at once
 * @param warmUp tokens a second of every warm-up batch
 * @param rounds in the order they were run
 */
record Measurement(
    String contestant,
    String backend,
    String sampler,
    Map<String, Object> options,
    Optional<HandedOn> handedOn,
    int concurrency,
    List<Double> warmUp,
    List<Race.Result> rounds) {

  /** Copies the lists. */
  Measurement {
    warmUp = List.copyOf(warmUp);
    rounds = List.copyOf(rounds);
  }

  /** The share of right answers, with its interval over problems. */
  Estimate accuracy() {
    return Estimate.share(right(), answers().size());
  }

  int right() {
    return (int) answers().stream().filter(Answer::right).count();
  }

  int textTokens() {
    return answers().stream().mapToInt(Answer::textTokens).sum();
  }

  /** Tokens of all prompts, if all are known. */
  OptionalInt promptTokens() {
    return sum(Answer::promptTokens);
  }

  /** Forwards of all requests (NFE), if all are known. */
  OptionalInt nfe() {
    return sum(Answer::nfe);
  }

  /** Steps without a forward, if all are known. */
  OptionalInt idleSteps() {
    return sum(Answer::idleSteps);
  }

  /** Tokens of the texts per forward (TPF). */
  OptionalDouble tokensPerForward() {
    OptionalInt forwards = nfe();
    return forwards.isPresent() && forwards.getAsInt() > 0
        ? OptionalDouble.of((double) textTokens() / forwards.getAsInt())
        : OptionalDouble.empty();
  }

  /** Tokens of all texts over the time of all rounds. */
  double tokensPerSecond() {
    return requests().mapToInt(Answer::textTokens).sum() / seconds();
  }

  /** The tokens a second of the slowest round and of the fastest one. */
  Estimate.Interval tokensPerSecondRange() {
    return range(rounds.stream().map(Race.Result::tokensPerSecond).toList());
  }

  double requestTokensPerSecond(double percentile) {
    return nearestRank(
        requests().mapToDouble(Answer::tokensPerSecond).sorted().toArray(), percentile);
  }

  /** Seconds to the first snapshot, if they are known of every request. */
  OptionalDouble toFirstSnapshot(double percentile) {
    return requests().allMatch(each -> each.secondsToFirstSnapshot().isPresent())
        ? percentile(percentile, Answer::secondsToFirstSnapshot)
        : OptionalDouble.empty();
  }

  /** Seconds to the first token of a text, over the requests whose text is not empty. */
  OptionalDouble toFirstTextToken(double percentile) {
    return percentile(percentile, Answer::secondsToFirstTextToken);
  }

  OptionalDouble toComplete(double percentile) {
    return percentile(percentile, each -> OptionalDouble.of(each.secondsToComplete()));
  }

  /** Seconds from one step of a request to its next, over all steps of all requests. */
  OptionalDouble betweenSteps(double percentile) {
    double[] sorted =
        requests()
            .flatMapToDouble(each -> Arrays.stream(each.stepMicros()).mapToDouble(gap -> gap / 1e6))
            .sorted()
            .toArray();
    return sorted.length == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(nearestRank(sorted, percentile));
  }

  /** The most memory of any round, if it is known. */
  Optional<Race.Memory> memory() {
    return rounds.stream()
        .flatMap(each -> each.memory().stream())
        .reduce(
            (some, other) ->
                new Race.Memory(
                    Math.max(some.weightBytes(), other.weightBytes()),
                    Math.max(some.kvCacheBytes(), other.kvCacheBytes()),
                    Math.max(some.stepBytes(), other.stepBytes())));
  }

  double seconds() {
    return rounds.stream().mapToDouble(Race.Result::seconds).sum();
  }

  /** The lowest and the highest of at least one value. */
  static Estimate.Interval range(List<Double> values) {
    DoubleSummaryStatistics all =
        values.stream().mapToDouble(Double::doubleValue).summaryStatistics();
    return new Estimate.Interval(all.getMin(), all.getMax());
  }

  /** The smallest value that is no smaller than so many percent of them. */
  static double nearestRank(double[] sorted, double percentile) {
    int rank = (int) Math.ceil(percentile / 100 * sorted.length);
    return sorted[Math.clamp(rank, 1, sorted.length) - 1];
  }

  /** Of the first round, in the order of the problems. */
  List<Answer> answers() {
    return rounds.getFirst().answers();
  }

  private Stream<Answer> requests() {
    return rounds.stream().flatMap(each -> each.answers().stream());
  }

  private OptionalInt sum(Function<Answer, OptionalInt> value) {
    return answers().stream().map(value).allMatch(OptionalInt::isPresent)
        ? OptionalInt.of(answers().stream().mapToInt(each -> value.apply(each).orElseThrow()).sum())
        : OptionalInt.empty();
  }

  private OptionalDouble percentile(double percentile, Function<Answer, OptionalDouble> value) {
    double[] sorted =
        requests().map(value).flatMapToDouble(OptionalDouble::stream).sorted().toArray();
    return sorted.length == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(nearestRank(sorted, percentile));
  }
}
