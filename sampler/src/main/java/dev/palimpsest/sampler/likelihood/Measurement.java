package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.IntStream;

/** The forwards that a text's likelihood takes, which may run in any order, and what they say. */
public final class Measurement {
  private final List<Forward> forwards;
  private final Function<List<double[]>, LogLikelihood> reading;

  private Measurement(List<Forward> forwards, Function<List<double[]>, LogLikelihood> reading) {
    this.forwards = List.copyOf(forwards);
    this.reading = reading;
  }

  /**
   * Begins one.
   *
   * @param maskId the model's mask; of no matter for a causal model
   * @throws InvalidOptionException if the estimator is not defined for the model or for so long a
   *     completion, or the model cannot take the text
   */
  public static Measurement of(
      Passage passage, Estimator estimator, ModelLimits limits, int maskId) {
    estimator.requireFit(limits);
    limits.requireScorable(passage.prompt(), passage.completion());
    if (limits.pattern() instanceof AttentionPattern.Causal) {
      return causal(passage);
    }
    MaskEstimator masks =
        switch (estimator) {
          case MaskEstimator given -> given;
          case Exact _ -> new Chain();
        };
    return masked(Part.of(passage, limits.pattern()), masks, maskId);
  }

  private static Measurement causal(Passage passage) {
    int[] prompt = passage.prompt();
    int[] tokens = Arrays.copyOf(prompt, passage.length());
    int[] completion = passage.completion();
    System.arraycopy(completion, 0, tokens, prompt.length, completion.length);
    int[] rows = IntStream.range(prompt.length - 1, tokens.length - 1).toArray();
    Query query = new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty()).scoring(completion);
    return new Measurement(
        List.of(new Forward(tokens.length, () -> query)),
        seen ->
            new LogLikelihood(
                Arrays.stream(seen.getFirst()).sum(),
                OptionalDouble.empty(),
                Arrays.stream(seen.getFirst()).boxed().toList(),
                List.of()));
  }

  private static Measurement masked(List<Part> parts, MaskEstimator estimator, int maskId) {
    List<Plan> plans = parts.stream().map(part -> Plan.of(estimator, part)).toList();
    List<Forward> forwards = new ArrayList<>();
    for (int index = 0; index < parts.size(); index++) {
      Part part = parts.get(index);
      for (Look look : plans.get(index).looks()) {
        forwards.add(new Forward(part.width(), () -> part.query(look, maskId, Draw.GREEDY)));
      }
    }
    return new Measurement(forwards, seen -> sum(plans, seen));
  }

  private static LogLikelihood sum(List<Plan> plans, List<double[]> seen) {
    List<LogLikelihood> values = new ArrayList<>();
    int from = 0;
    for (Plan plan : plans) {
      int to = from + plan.looks().size();
      values.add(plan.result(seen.subList(from, to)));
      from = to;
    }
    return values.stream().reduce(LogLikelihood::plus).orElseThrow();
  }

  /** Its forwards, each with targets. */
  public List<Forward> forwards() {
    return forwards;
  }

  /**
   * What comes of it.
   *
   * @param predictions of every forward, in their order
   */
  public LogLikelihood result(List<List<Prediction>> predictions) {
    return reading.apply(
        predictions.stream()
            .map(
                rows ->
                    rows.stream()
                        .mapToDouble(row -> row.targetLogProbability().orElseThrow())
                        .toArray())
            .toList());
  }
}
