package dev.palimpsest.app.compare;

import dev.palimpsest.api.HandedOn;
import dev.palimpsest.api.SerialDepth;
import dev.palimpsest.lab.measure.Bootstrap;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.lab.measure.Holm;
import dev.palimpsest.lab.measure.McNemar;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * What the answers of a contestant are worth and what they took, problem by problem, and how far
 * that is from the first contestant's on the same problems. Of the first round at the first
 * concurrency: none of it depends on either.
 *
 * @param contestant its label
 * @param handedOn what passes between its steps, if it is known
 * @param accuracy the share of right answers, with Wilson's interval
 * @param costs what it took by name, the mean over problems with its bootstrap interval; without
 *     what is not known of every answer
 * @param lessFirst the same numbers less the first contestant's; empty for the first
 */
record Price(
    String contestant,
    Optional<HandedOn> handedOn,
    Estimate accuracy,
    Map<String, Estimate> costs,
    Optional<LessFirst> lessFirst) {

  /** Every resample draws the same problems, for all contestants and numbers. */
  private static final long SEED = 0;

  private static final Map<String, Function<Answer, Optional<Double>>> COSTS =
      new LinkedHashMap<>();

  static {
    COSTS.put(
        "nfe",
        answer ->
            answer.nfe().isPresent()
                ? Optional.of((double) answer.nfe().getAsInt())
                : Optional.empty());
    COSTS.put("opaque_depth", answer -> answer.depth().map(each -> (double) each.opaque()));
    COSTS.put(
        "serial_depth", answer -> answer.depth().map(SerialDepth::total).map(Long::doubleValue));
  }

  /**
   * A contestant less the first, over the problems that both were asked.
   *
   * @param accuracy the difference of the shares, with its paired bootstrap interval
   * @param p of McNemar's exact test
   * @param adjusted the same by Holm's procedure among all contestants
   * @param costs the mean differences by name, with their paired bootstrap intervals
   */
  record LessFirst(Estimate accuracy, double p, double adjusted, Map<String, Estimate> costs) {}

  /**
   * One for every contestant but the control.
   *
   * @param measurements rows of a contestant stand together
   * @param control the label of the first contestant, once more
   */
  static List<Price> of(List<Measurement> measurements, String first, String control) {
    Map<String, Measurement> rows = new LinkedHashMap<>();
    measurements.stream()
        .filter(each -> !each.contestant().equals(control))
        .forEach(each -> rows.putIfAbsent(each.contestant(), each));
    Optional<Measurement> base = Optional.ofNullable(rows.get(first));
    List<Price> prices = new ArrayList<>();
    rows.values()
        .forEach(
            row ->
                prices.add(
                    new Price(
                        row.contestant(),
                        row.handedOn(),
                        row.accuracy(),
                        costs(row),
                        base.filter(one -> !row.contestant().equals(first))
                            .map(one -> less(row, one)))));
    return adjusted(prices);
  }

  private static Map<String, Estimate> costs(Measurement row) {
    Map<String, Estimate> costs = new LinkedHashMap<>();
    COSTS.forEach(
        (name, cost) ->
            values(row, cost)
                .flatMap(values -> Bootstrap.mean(values, SEED))
                .ifPresent(found -> costs.put(name, found.estimate())));
    return costs;
  }

  private static LessFirst less(Measurement row, Measurement first) {
    double[] right = right(row);
    double[] other = right(first);
    double p = McNemar.of(flags(right), flags(other)).p();
    Map<String, Estimate> costs = new LinkedHashMap<>();
    COSTS.forEach(
        (name, cost) ->
            values(row, cost)
                .flatMap(
                    some ->
                        values(first, cost)
                            .flatMap(others -> Bootstrap.difference(some, others, SEED)))
                .ifPresent(found -> costs.put(name, found.estimate())));
    Estimate accuracy = Bootstrap.difference(right, other, SEED).orElseThrow().estimate();
    return new LessFirst(accuracy, p, p, costs);
  }

  private static double[] right(Measurement row) {
    return row.answers().stream().mapToDouble(each -> each.right() ? 1 : 0).toArray();
  }

  private static boolean[] flags(double[] values) {
    boolean[] flags = new boolean[values.length];
    for (int i = 0; i < flags.length; i++) {
      flags[i] = values[i] > 0;
    }
    return flags;
  }

  /** One a problem, if all are known. */
  private static Optional<double[]> values(
      Measurement row, Function<Answer, Optional<Double>> cost) {
    List<Double> known = row.answers().stream().map(cost).flatMap(Optional::stream).toList();
    return known.size() == row.answers().size()
        ? Optional.of(known.stream().mapToDouble(Double::doubleValue).toArray())
        : Optional.empty();
  }

  private static List<Price> adjusted(List<Price> prices) {
    double[] adjusted =
        Holm.adjusted(
            prices.stream()
                .flatMap(each -> each.lessFirst().stream())
                .mapToDouble(LessFirst::p)
                .toArray());
    List<Price> result = new ArrayList<>();
    int test = 0;
    for (Price each : prices) {
      if (each.lessFirst().isEmpty()) {
        result.add(each);
        continue;
      }
      LessFirst less = each.lessFirst().get();
      LessFirst own = new LessFirst(less.accuracy(), less.p(), adjusted[test++], less.costs());
      result.add(
          new Price(
              each.contestant(), each.handedOn(), each.accuracy(), each.costs(), Optional.of(own)));
    }
    return result;
  }

  /** As an object of {@code compare.json}. */
  Map<String, Object> json() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("contestant", contestant);
    handedOn.ifPresent(
        passes -> {
          fields.put("tokens_only", passes.isTokens());
          fields.put("bits_handed_on", passes.bits());
        });
    fields.put("right", json(accuracy));
    costs.forEach((name, cost) -> fields.put(name, json(cost)));
    lessFirst.ifPresent(
        less -> {
          Map<String, Object> right = json(less.accuracy());
          right.put("p", less.p());
          right.put("p_holm", less.adjusted());
          Map<String, Object> differences = new LinkedHashMap<>();
          differences.put("right", right);
          less.costs().forEach((name, cost) -> differences.put(name, json(cost)));
          fields.put("less_first", differences);
        });
    return fields;
  }

  private static Map<String, Object> json(Estimate estimate) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("value", estimate.value());
    fields.put("n", estimate.n());
    estimate
        .interval()
        .ifPresent(
            interval -> {
              fields.put("low", interval.low());
              fields.put("high", interval.high());
            });
    return fields;
  }
}
