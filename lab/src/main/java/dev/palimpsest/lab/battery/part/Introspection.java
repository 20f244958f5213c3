package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Introspective acceptance (I-DLM, April 2026): would the model write again what it wrote? Per
 * position of the text min(1, p / q), where q is the probability with which its token was written,
 * and p the one that the model gives it now: {@code anchor} behind the text before it, everything
 * from it on masked, which is how a causal model reads; {@code beside_all} with the whole rest of
 * the text.
 */
public record Introspection() implements Part {
  @Override
  public String name() {
    return "introspection";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    Map<Integer, Double> written = written(solution.trace());
    int[] answer = solution.answerPositions();
    int from = solution.trace().last().promptLength();
    int to = answer[answer.length - 1] + 1;
    accept(solution, "anchor", from, to, written, true).ifPresent(observed);
    if (!solution.subject().isCausal()) {
      accept(solution, "beside_all", from, to, written, false).ifPresent(observed);
    }
  }

  /** The probability with which the token of each position was written last. */
  private static Map<Integer, Double> written(Trace trace) {
    Map<Integer, Double> written = new HashMap<>();
    for (int step = 0; step < trace.steps(); step++) {
      for (Commit commit : trace.step(step).commits()) {
        written.put(commit.position(), commit.confidence());
      }
      for (Commit edit : trace.step(step).edits()) {
        written.put(edit.position(), edit.confidence());
      }
    }
    return written;
  }

  private Optional<Observation> accept(
      Solution solution,
      String condition,
      int from,
      int to,
      Map<Integer, Double> written,
      boolean anchor) {
    CanvasImage last = solution.trace().last();
    int maskId = solution.subject().language().specials().maskId();
    List<Query> queries = new ArrayList<>();
    List<Integer> asked = new ArrayList<>();
    for (int position = from; position < to; position++) {
      if (written.getOrDefault(position, 0.0) > 0) {
        asked.add(position);
        queries.add(
            solution.subject().isCausal()
                ? causal(last, position)
                : masked(last, position, anchor ? last.length() : position + 1, maskId));
      }
    }
    if (asked.isEmpty()) {
      return Optional.empty();
    }
    List<List<Prediction>> answers = solution.predict(queries);
    double acceptance = 0;
    int again = 0;
    for (int index = 0; index < asked.size(); index++) {
      int position = asked.get(index);
      Prediction now = answers.get(index).getFirst();
      double probability = StrictMath.exp(now.targetLogProbability().orElseThrow());
      acceptance += Math.min(1, probability / written.getOrDefault(position, 1.0));
      again += now.argmax() == last.id(position) ? 1 : 0;
    }
    return Optional.of(
        solution
            .observe(name(), condition, solution.answer(), queries.size())
            .with("acceptance", acceptance / asked.size())
            .with("again", (double) again / asked.size())
            .with("positions", asked.size()));
  }

  private static Query masked(CanvasImage last, int position, int to, int maskId) {
    int[] ids = last.ids();
    Arrays.fill(ids, position, to, maskId);
    return new Query(ids, 0, new int[] {position}, 0, Draw.GREEDY, Optional.empty())
        .scoring(new int[] {last.id(position)});
  }

  private static Query causal(CanvasImage last, int position) {
    int[] ids = Arrays.copyOf(last.ids(), position);
    return new Query(ids, 0, new int[] {position - 1}, 0, Draw.GREEDY, Optional.empty())
        .scoring(new int[] {last.id(position)});
  }
}
