package dev.palimpsest.app.trace;

import dev.palimpsest.lab.legibility.Degradation;
import dev.palimpsest.lab.legibility.Legibility;
import dev.palimpsest.lab.measure.Estimate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/**
 * One score of the states of all traces.
 *
 * @param name in a report
 * @param title in a table
 * @param highest what it is at most
 * @param worse 1 if a higher score is a text that is harder to read, -1 if it is one that is easier
 * @param traces of every trace, after every step or after every tenth of them
 */
record LegibilityScores(
    String name, String title, double highest, int worse, List<Legibility> traces) {
  static final int TENTHS = 10;

  /** How hard a trace's text was to read after so many tenths of its steps; in no certain unit. */
  OptionalDouble hardness(int trace, int tenths) {
    OptionalDouble score = score(traces.get(trace), tenths);
    return score.isPresent() ? OptionalDouble.of(worse * score.getAsDouble()) : score;
  }

  private static OptionalDouble score(Legibility trace, int tenths) {
    return trace.steps().get(Legibility.step(tenths, trace.steps().size()));
  }

  /** The mean after so many tenths of the steps; empty if no trace has a score there. */
  Optional<Estimate> mean(int tenths) {
    return mean(traces.stream().map(each -> score(each, tenths)));
  }

  /** The mean of the last states made worse. */
  Optional<Estimate> mean(Degradation how) {
    return mean(
        traces.stream().map(each -> each.degraded().getOrDefault(how, OptionalDouble.empty())));
  }

  private Optional<Estimate> mean(Stream<OptionalDouble> values) {
    double[] known =
        values.filter(OptionalDouble::isPresent).mapToDouble(OptionalDouble::getAsDouble).toArray();
    return known.length == 0 ? Optional.empty() : Optional.of(Estimate.mean(known, highest));
  }

  /** In how many traces the last state made worse has the worse score, and of how many. */
  int[] noticed(Degradation how) {
    int[] hits = new int[2];
    for (Legibility each : traces) {
      OptionalDouble degraded = each.degraded().getOrDefault(how, OptionalDouble.empty());
      if (degraded.isPresent() && each.last().isPresent()) {
        hits[1]++;
        double difference = degraded.getAsDouble() - each.last().getAsDouble();
        hits[0] += worse * difference > 0 ? 1 : 0;
      }
    }
    return hits;
  }

  /** Adds a trace's own numbers to its part of a report. */
  void report(int trace, Map<String, Object> fields) {
    Legibility found = traces.get(trace);
    fields.put(
        name,
        found.steps().stream().map(each -> each.isPresent() ? each.getAsDouble() : null).toList());
    found
        .degraded()
        .forEach(
            (how, value) -> value.ifPresent(score -> fields.put(name + "_" + named(how), score)));
  }

  /** The means, as the table has them. */
  Map<String, Object> means() {
    List<Map<String, Object>> tenths = new ArrayList<>();
    for (int each = 1; each <= TENTHS; each++) {
      tenths.add(json(mean(each)));
    }
    Map<String, Object> means = new LinkedHashMap<>();
    means.put("tenths", tenths);
    for (Degradation how : Degradation.values()) {
      Map<String, Object> fields = json(mean(how));
      int[] hits = noticed(how);
      fields.put("worse", hits[0]);
      fields.put("of", hits[1]);
      means.put(named(how), fields);
    }
    return means;
  }

  static String named(Degradation how) {
    return how.name().toLowerCase(Locale.ROOT);
  }

  private static Map<String, Object> json(Optional<Estimate> estimate) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("traces", estimate.map(Estimate::n).orElse(0));
    estimate.ifPresent(
        each -> {
          json.put("value", each.value());
          each.interval()
              .ifPresent(
                  interval -> json.put("interval", List.of(interval.low(), interval.high())));
        });
    return json;
  }
}
