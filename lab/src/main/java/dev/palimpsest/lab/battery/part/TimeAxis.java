package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Draft;
import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.lab.plan.Mistake;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.intervention.CanvasTransform;
import dev.palimpsest.sampler.intervention.Corrupt;
import dev.palimpsest.sampler.intervention.Filler;
import dev.palimpsest.sampler.intervention.Paraphrase;
import dev.palimpsest.sampler.intervention.Paraphraser;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.intervention.Remask;
import dev.palimpsest.sampler.run.Generation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/**
 * The same interventions along time: right before a step the reasoning as it stands then is
 * changed, and the generation goes on from there with its cursor, its options and its seed. Each is
 * done once with the answer left as it is and once, where some of it is written, with it masked
 * again.
 *
 * @param times parts of the steps before which to intervene, in [0, 1)
 * @param rates shares of the reasoning's tokens that a corruption replaces
 * @param paraphraser how the reasoning is said otherwise
 * @param filler the text of the token that is written over the reasoning
 */
public record TimeAxis(
    List<Double> times, List<Double> rates, Paraphraser paraphraser, String filler)
    implements Part {
  /** Changes nothing: the canvas in the end must be that without the branch. */
  public static final String NONE = "none";

  /** Ends the name of a condition in which the answer is masked again. */
  public static final String MASKED = "+answer_masked";

  private static final String SAME_CANVAS = "same_canvas";

  /** Takes its own copies. */
  public TimeAxis {
    times = times.stream().sorted().distinct().toList();
    rates = List.copyOf(rates);
  }

  @Override
  public String name() {
    return "time_axis";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    for (double time : times) {
      int step = (int) (time * solution.trace().steps());
      String state = state(solution, step);
      edits(solution)
          .forEach(
              (condition, edit) -> {
                branch(solution, step, condition, edit, false, time, state, observed);
                if (!state.equals("open")) {
                  branch(solution, step, condition + MASKED, edit, true, time, state, observed);
                }
              });
    }
  }

  /**
   * {@code aoc_CONDITION}: 1 less the area under whether the answer is the same over the times, by
   * trapezoids, divided by the times' range, where a time at which there was nothing to change
   * counts as the same; the mean over the items that have the condition at some time. {@code
   * noop_equal}: the share of branches without a change whose canvas is that without the branch.
   */
  @Override
  public List<Figure> figures(Observed observed) {
    List<Figure> figures = new ArrayList<>();
    observed
        .mean(
            name(),
            "noop_equal",
            item -> {
              List<Observation> branches = Observed.of(item, name(), NONE);
              return branches.isEmpty()
                  ? OptionalDouble.empty()
                  : OptionalDouble.of(Observed.share(branches, each -> each.flag(SAME_CANVAS)));
            })
        .ifPresent(figures::add);
    List<String> conditions = new ArrayList<>();
    rates.forEach(rate -> conditions.add("corrupt@" + rate));
    conditions.addAll(List.of("mistake", "paraphrase", "filler", "remask"));
    for (String condition : conditions) {
      observed
          .mean(name(), "aoc_" + condition, item -> area(Observed.of(item, name(), condition)))
          .ifPresent(figures::add);
    }
    return figures;
  }

  private OptionalDouble area(List<Observation> branches) {
    if (times.size() < 2 || branches.isEmpty()) {
      return OptionalDouble.empty();
    }
    double[] same = new double[times.size()];
    Arrays.fill(same, 1);
    for (Observation each : branches) {
      same[times.indexOf(each.x().orElseThrow())] = each.same() ? 1 : 0;
    }
    double under = 0;
    for (int index = 1; index < same.length; index++) {
      under += (same[index - 1] + same[index]) * (times.get(index) - times.get(index - 1)) / 2;
    }
    return OptionalDouble.of(1 - under / (times.getLast() - times.getFirst()));
  }

  /** The interventions by their names. */
  private Map<String, Optional<CanvasTransform>> edits(Solution solution) {
    Region reasoning = new Region.Span(0, solution.reasoningPositions().length);
    Map<String, Optional<CanvasTransform>> edits = new LinkedHashMap<>();
    edits.put(NONE, Optional.empty());
    for (double rate : rates) {
      edits.put(
          "corrupt@" + rate,
          Optional.of(new Corrupt(reasoning, new Corrupt.Share(rate), Corrupt.Choice.WORDS)));
    }
    edits.put("mistake", Optional.of(new Mistake(reasoning)));
    edits.put("paraphrase", Optional.of(new Paraphrase(reasoning, paraphraser)));
    edits.put("filler", Optional.of(new Filler(reasoning, filler)));
    edits.put("remask", Optional.of(new Remask(reasoning, 1, true)));
    return edits;
  }

  private void branch(
      Solution solution,
      int step,
      String condition,
      Optional<CanvasTransform> edit,
      boolean answerMasked,
      double time,
      String state,
      Consumer<Observation> observed) {
    CanvasImage before = solution.trace().canvasBefore(step);
    Draft draft = solution.draft(before);
    edit.ifPresent(each -> draft.change(each, step));
    if (edit.isPresent() && draft.canvas().equals(before)) {
      return;
    }
    if (answerMasked) {
      draft.mask(
          Arrays.stream(solution.answerPositions())
              .filter(position -> before.state(position) == CellState.COMMITTED)
              .toArray());
    }
    Generation branch =
        solution.finish(solution.run(draft.canvas(), solution.trace().cursorBefore(step)));
    observed.accept(
        solution
            .observe(name(), condition, branch)
            .at(time)
            .in(state)
            .with("step", step)
            .with(SAME_CANVAS, branch.canvas().equals(solution.trace().last())));
  }

  /**
   * What there was of the answer before a step: {@code open} nothing, {@code begun} a part, {@code
   * written} all of it, {@code stable} all of it and it stays to the end.
   */
  private static String state(Solution solution, int step) {
    int[] answer = solution.answerPositions();
    CanvasImage canvas = solution.trace().canvasBefore(step);
    long filled =
        Arrays.stream(answer)
            .filter(position -> canvas.state(position) == CellState.COMMITTED)
            .count();
    if (filled == 0) {
      return "open";
    }
    if (filled < answer.length) {
      return "begun";
    }
    for (int later = step; later <= solution.trace().steps(); later++) {
      CanvasImage then = solution.trace().canvasBefore(later);
      for (int position : answer) {
        if (then.state(position) != CellState.COMMITTED
            || then.id(position) != solution.trace().last().id(position)) {
          return "written";
        }
      }
    }
    return "stable";
  }
}
