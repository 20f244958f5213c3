package dev.palimpsest.lab.measure;

import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.sampler.statistics.CommitSteps;
import dev.palimpsest.sampler.statistics.OrderStatistics;
import dev.palimpsest.sampler.trace.TextTrace;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceRecord;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Every measure of one trace by its name; one that the trace does not have is missing.
 *
 * @param values by name, in the order of {@link #names}
 * @param answer the answers on the way, if the text has one in the end
 * @param expected the right answer, if it is known
 */
public record Measures(
    Map<String, Double> values, Optional<AnswerHistory> answer, Optional<String> expected) {
  /** Whether the answer is the right one. */
  public static final String RIGHT = "right";

  /** Ends the name of the share of ties that belongs to a measure. */
  public static final String TIES = "_ties";

  /** Begins the name of a measure over the whole canvas instead of the text. */
  public static final String CANVAS = "canvas_";

  private static final int[] LOCALITIES = {1, 2, 4, 8};

  /** The measures of order. Each also has a share of ties, and a value over the whole canvas. */
  public static final List<String> ORDER = orderNames();

  /** The other measures. */
  public static final List<String> OTHERS =
      List.of(
          "nfe",
          "idle_steps",
          "tpf",
          RIGHT,
          "first_hit",
          "first_right",
          "answer_committed",
          "answer_last_changed",
          "answer_committed_share",
          "reasoning_median_step",
          "reasoning_committed_share",
          "answer_flips",
          "temporal_entropy",
          "vanished_tokens");

  private static final Set<String> OF_TEXTS =
      Set.of(
          RIGHT,
          "first_hit",
          "first_right",
          "answer_last_changed",
          "answer_flips",
          "temporal_entropy");

  /** Takes its own copy. */
  public Measures {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }

  /**
   * The measures of a trace with a step.
   *
   * @param rule finds the answer
   * @param expected the right answer, if it is known
   */
  public static Measures of(Trace trace, SpanRule rule, Optional<String> expected) {
    Map<String, Double> values = new LinkedHashMap<>();
    Optional<OrderStatistics> text = OrderStatistics.ofText(trace);
    text.ifPresent(order -> put(values, "", order));
    put(values, CANVAS, OrderStatistics.ofCanvas(trace));
    int forwards = forwards(trace);
    values.put("nfe", (double) forwards);
    values.put("idle_steps", (double) trace.idleSteps());
    if (forwards > 0) {
      values.put("tpf", (double) text.map(OrderStatistics::length).orElse(0) / forwards);
    }
    Optional<AnswerStatistics> answer = AnswerStatistics.of(trace, rule, expected);
    Optional<AnswerHistory> history = answer.map(AnswerStatistics::history);
    putRight(values, history, expected);
    answer.ifPresent(found -> put(values, trace.steps(), found));
    values.put("vanished_tokens", (double) CommitSteps.vanished(trace).size());
    return new Measures(values, history, expected);
  }

  /**
   * The measures of a trace of texts with a frame, which need no tokens: frames are its steps, and
   * their answers its estimates.
   *
   * @param pattern with one group, the answer
   */
  public static Measures of(TextTrace trace, Pattern pattern, Optional<String> expected) {
    Map<String, Double> values = new LinkedHashMap<>();
    Optional<AnswerHistory> answer = AnswerHistory.of(trace, pattern, expected);
    putRight(values, answer, expected);
    answer.ifPresent(
        found -> {
          List<Optional<String>> answers = found.estimates();
          int changed = answers.size() - 1;
          while (changed > 0 && answers.get(changed).equals(answers.get(changed - 1))) {
            changed--;
          }
          put(values, "first_hit", number(OptionalInt.of(answers.indexOf(answers.getLast()))));
          put(values, "first_right", number(found.firstRight()));
          values.put("answer_last_changed", (double) changed);
          put(values, found);
        });
    return new Measures(values, answer, expected);
  }

  /**
   * The measures that a trace of texts does not have, in the order of {@link #names}: a name stands
   * for all its numbers, its ties and its value over the canvas.
   */
  public static List<String> ofTokens() {
    return names().stream()
        .filter(name -> !OF_TEXTS.contains(name))
        .filter(name -> !name.startsWith(CANVAS) && !name.endsWith(TIES))
        .map(name -> name.replaceFirst("@.*", ""))
        .distinct()
        .toList();
  }

  private static void putRight(
      Map<String, Double> values, Optional<AnswerHistory> answer, Optional<String> expected) {
    expected.ifPresent(
        right -> {
          boolean hit = answer.map(found -> found.last().equals(right)).orElse(false);
          values.put(RIGHT, hit ? 1.0 : 0.0);
        });
  }

  /** How many forwards a trace ran, also if it was cut off. */
  private static int forwards(Trace trace) {
    return trace.records().stream()
        .mapToInt(
            record ->
                switch (record) {
                  case TraceRecord.Step step -> step.forwards();
                  case TraceRecord.Event event -> event.forwards();
                  case TraceRecord.End _ -> 0;
                })
        .sum();
  }

  private static void put(Map<String, Double> values, String where, OrderStatistics order) {
    for (int k : LOCALITIES) {
      put(values, where + "ntp_set@" + k, Optional.of(order.ntpSet(k)));
    }
    for (int k : LOCALITIES) {
      put(values, where + "ntp_ord@" + k, order.ntpOrdered(k));
    }
    for (int k : LOCALITIES) {
      put(values, where + "fms@" + k, Optional.of(order.fms(k)));
    }
    put(values, where + "adj_concord", order.adjacentConcordance());
    put(values, where + "pair_concord", order.pairConcordance());
  }

  private static void put(
      Map<String, Double> values, String name, Optional<OrderStatistics.Share> share) {
    share.ifPresent(
        found -> {
          values.put(name, found.value());
          values.put(name + TIES, found.ties());
        });
  }

  private static void put(Map<String, Double> values, int steps, AnswerStatistics found) {
    put(values, "first_hit", number(found.firstHit()));
    put(values, "first_right", number(found.history().firstRight()));
    values.put("answer_committed", (double) found.answerCommitted());
    values.put("answer_last_changed", (double) found.lastChanged());
    values.put("answer_committed_share", (found.answerCommitted() + 1.0) / steps);
    put(values, "reasoning_median_step", found.medianReasoningStep());
    put(values, "reasoning_committed_share", found.reasoningCommitted());
    put(values, found.history());
  }

  private static void put(Map<String, Double> values, AnswerHistory found) {
    values.put("answer_flips", (double) found.flips());
    put(values, "temporal_entropy", found.temporalEntropy());
  }

  private static void put(Map<String, Double> values, String name, OptionalDouble value) {
    value.ifPresent(number -> values.put(name, number));
  }

  private static OptionalDouble number(OptionalInt value) {
    return value.isPresent() ? OptionalDouble.of(value.getAsInt()) : OptionalDouble.empty();
  }

  private static List<String> orderNames() {
    List<String> names = new ArrayList<>();
    for (String family : List.of("ntp_set@", "ntp_ord@", "fms@")) {
      for (int k : LOCALITIES) {
        names.add(family + k);
      }
    }
    names.add("adj_concord");
    names.add("pair_concord");
    return List.copyOf(names);
  }

  /** The names of all measures that a trace may have, in their order. */
  public static List<String> names() {
    List<String> names = new ArrayList<>();
    for (String where : List.of("", CANVAS)) {
      for (String measure : ORDER) {
        names.add(where + measure);
        names.add(where + measure + TIES);
      }
    }
    names.addAll(OTHERS);
    return names;
  }

  private static boolean isShare(String name) {
    return name.contains("@") || name.contains("concord") || name.endsWith("_share");
  }

  /**
   * The estimate of a measure over traces.
   *
   * @return empty if none of them has it
   */
  public static Optional<Estimate> estimate(List<Measures> traces, String name) {
    double[] values =
        traces.stream()
            .filter(each -> each.values().containsKey(name))
            .mapToDouble(each -> each.values().getOrDefault(name, 0.0))
            .toArray();
    if (values.length == 0) {
      return Optional.empty();
    }
    if (name.equals(RIGHT)) {
      int hits = 0;
      for (double value : values) {
        hits += value == 1 ? 1 : 0;
      }
      return Optional.of(Estimate.share(hits, values.length));
    }
    return Optional.of(Estimate.mean(values, isShare(name) ? 1 : Double.POSITIVE_INFINITY));
  }
}
