package dev.palimpsest.app.lens;

import dev.palimpsest.app.file.Problem;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.engine.probe.Reading;
import dev.palimpsest.lab.answer.SpanRule;
import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.probe.ProbeItem;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * The mean residual streams of a trace at some points: over all that stands behind the prompt, or
 * at its last token where nothing does yet.
 *
 * @param model that made the traces
 * @param label what is to be told
 * @param rule finds the answer
 * @param problems the right answers, where the label needs them
 */
record ProbeReader(Model model, ProbeLabel label, SpanRule rule, List<Problem> problems) {
  private static final double FLOP_A_WEIGHT = 2;

  /**
   * What is known of a trace.
   *
   * @param points how many
   * @param matched the compute that each point may have taken; if not given, the points are spread
   *     evenly from the first step to the last
   * @return empty if the trace has no label, or no step
   */
  Optional<ProbeItem> read(TraceSteps trace, int points, Optional<double[]> matched) {
    Optional<String> told = label.of(trace.trace(), rule, problems);
    List<TraceSteps.Asked> asked = trace.asked();
    if (told.isEmpty() || asked.isEmpty()) {
      return Optional.empty();
    }
    double[] compute = compute(asked);
    int[] steps = new int[points];
    double[] spent = new double[points];
    float[][][] activations = new float[points][][];
    Map<Integer, float[][]> read = new HashMap<>();
    for (int point = 0; point < points; point++) {
      int at =
          matched.isPresent()
              ? within(compute, matched.get()[point])
              : Math.round((float) point * (asked.size() - 1) / (points - 1));
      steps[point] = asked.get(at).step();
      spent[point] = compute[at];
      activations[point] =
          read.computeIfAbsent(at, step -> pooled(trace.trace(), asked.get(step).query()));
    }
    return Optional.of(
        new ProbeItem(
            ProbeLabel.prompt(trace.trace()),
            told.get(),
            steps,
            spent,
            committed(trace.trace()),
            activations));
  }

  /** FLOP up to the end of each step: two a weight and token that is not remembered. */
  private double[] compute(List<TraceSteps.Asked> asked) {
    ModelSpec spec = model.spec();
    double[] compute = new double[asked.size()];
    double sum = 0;
    int remembered = 0;
    for (int at = 0; at < compute.length; at++) {
      Query query = asked.get(at).query();
      int tokens = Math.max(query.rows().length, query.tokens().length - remembered);
      sum += FLOP_A_WEIGHT * spec.activeParameters() * tokens * query.sequences();
      AttentionPattern pattern = spec.attention().pattern();
      int lacking = pattern.lacking(query.tokens().length);
      remembered = Math.max(0, pattern.cacheable(query.cacheablePrefix() + lacking) - lacking);
      compute[at] = sum;
    }
    return compute;
  }

  /** The last step that is done within a compute; the first if none is. */
  private static int within(double[] compute, double most) {
    return Math.max(0, (int) Arrays.stream(compute).takeWhile(each -> each <= most).count() - 1);
  }

  private float[][] pooled(Trace trace, Query query) {
    int prompt = trace.last().promptLength();
    int length = query.tokens().length;
    int[] positions = IntStream.range(Math.min(prompt, length - 1), length).toArray();
    List<Hook> hooks = Hook.named("blocks.*.hook_resid_post", model.spec().layers());
    List<Reading> readings = new ArrayList<>();
    model
        .transformer()
        .probed(new Probe(hooks, _ -> positions, readings::add))
        .predict(List.of(query));
    return readings.stream().map(ProbeReader::mean).toArray(float[][]::new);
  }

  private static float[] mean(Reading reading) {
    float[] mean = new float[reading.columns()];
    for (int i = 0; i < mean.length; i++) {
      double sum = 0;
      for (int row = 0; row < reading.rows(); row++) {
        sum += reading.values()[row * reading.columns() + i];
      }
      mean[i] = (float) (sum / reading.rows());
    }
    return mean;
  }

  private OptionalInt committed(Trace trace) {
    Optional<Spans> answer = ProbeLabel.answer(trace, rule);
    return answer.isEmpty()
        ? OptionalInt.empty()
        : IntStream.range(0, trace.steps())
            .filter(
                step ->
                    Arrays.stream(answer.get().answerPositions())
                        .noneMatch(at -> trace.canvasBefore(step + 1).state(at).isOpen()))
            .findFirst();
  }
}
