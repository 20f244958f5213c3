package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.lab.plan.Equations;
import dev.palimpsest.sampler.statistics.CommitSteps;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/**
 * Are the steps of the reasoning written in the order in which they follow from each other? An
 * equation depends on the last one before it whose result is one of its terms. {@code fidelity} is
 * the share of these pairs in which the earlier result was written before the later one, at the
 * same step counting one half: 1 in the order of the reasoning, 0 against it, 1/2 at random.
 */
public record StepOrder() implements Part {
  private static final String FIDELITY = "fidelity";
  private static final String TEXT = "text";

  @Override
  public String name() {
    return "step_order";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    List<Equations.Found> equations = Equations.all(solution.reasoning());
    int[] starts = starts(solution);
    int[] steps = CommitSteps.of(solution.trace());
    double kept = 0;
    int pairs = 0;
    for (int later = 0; later < equations.size(); later++) {
      Optional<Equations.Found> earlier =
          equations.get(later).dependsOn(equations.subList(0, later));
      if (earlier.isPresent()) {
        int first = written(earlier.get(), starts, steps);
        int second = written(equations.get(later), starts, steps);
        kept += first < second ? 1 : first == second ? 0.5 : 0;
        pairs++;
      }
    }
    if (pairs > 0) {
      observed.accept(
          solution
              .observe(name(), TEXT, solution.answer(), solution.nfe())
              .with(FIDELITY, kept / pairs)
              .with("pairs", pairs));
    }
  }

  /** {@code fidelity}: the mean over the problems that have such a pair. */
  @Override
  public List<Figure> figures(Observed observed) {
    List<Figure> figures = new ArrayList<>();
    observed
        .mean(
            name(),
            FIDELITY,
            item ->
                Observed.of(item, name(), TEXT).stream()
                    .mapToDouble(each -> each.number(FIDELITY))
                    .mapToObj(OptionalDouble::of)
                    .findFirst()
                    .orElseGet(OptionalDouble::empty))
        .ifPresent(figures::add);
    return figures;
  }

  /** Where each position of the reasoning begins in its text. */
  private static int[] starts(Solution solution) {
    int[] positions = solution.reasoningPositions();
    int[] starts = new int[positions.length];
    int length = 0;
    for (int index = 0; index < starts.length; index++) {
      starts[index] = length;
      length += solution.text(new int[] {positions[index]}).length();
    }
    return starts;
  }

  /** The step after which the whole result of an equation stood. */
  private static int written(Equations.Found equation, int[] starts, int[] steps) {
    int last = -1;
    for (int index = 0; index < starts.length; index++) {
      int end = index + 1 < starts.length ? starts[index + 1] : Integer.MAX_VALUE;
      if (starts[index] < equation.to() && end > equation.resultFrom()) {
        last = Math.max(last, steps[index]);
      }
    }
    return last;
  }
}
