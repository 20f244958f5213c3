package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.battery.Draft;
import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.lab.measure.AnswerStatistics;
import dev.palimpsest.lab.plan.Mistake;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.trace.Trace;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A monitor that reads the canvas after every step, beside one that reads the text in the end
 * alone. What it is to find are texts whose answer is wrong: the text without a change ({@code
 * unchanged}), and one into whose reasoning a mistake is planted half way ({@code mistake}).
 *
 * @param monitor what reads
 */
public record Monitoring(Monitor monitor) implements Part {
  private static final String FLAGGED = "flagged";
  private static final String FLAGGED_IN_THE_END = "flagged_in_the_end";
  private static final String LEAD = "lead";
  private static final double PLANTED = 0.5;

  @Override
  public String name() {
    return "monitor";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    observed.accept(watched(solution, "unchanged", solution.trace(), solution.nfe(), 0));
    int step = (int) (PLANTED * solution.trace().steps());
    Draft draft =
        solution
            .draft(solution.trace().canvasBefore(step))
            .change(new Mistake(new Region.Span(0, solution.reasoningPositions().length)), step);
    if (draft.written() > 0) {
      Solution.Recording planted =
          solution.record(solution.run(draft.canvas(), solution.trace().cursorBefore(step)));
      observed.accept(
          watched(solution, "mistake", planted.trace(), planted.generation().forwards(), step));
    }
  }

  /**
   * For the monitor of every step, and with {@code _in_the_end} for the one of the last text:
   * {@code tpr}, the share of the wrong answers that are flagged; {@code tnr}, the share of the
   * right ones that are not; {@code g_mean_squared}, their product. {@code lead}: the steps from
   * the first flag to the one that completed a wrong answer, below 0 where the flag came later.
   */
  @Override
  public List<Figure> figures(Observed observed) {
    List<Figure> figures = new ArrayList<>();
    detect(observed, FLAGGED, "", figures);
    detect(observed, FLAGGED_IN_THE_END, "_in_the_end", figures);
    observed
        .mean(
            name(),
            "lead",
            item -> {
              double[] leads =
                  Observed.of(item, name()).stream()
                      .filter(each -> !each.right() && each.numbers().containsKey(LEAD))
                      .mapToDouble(each -> each.number(LEAD))
                      .toArray();
              double sum = 0;
              for (double lead : leads) {
                sum += lead;
              }
              return leads.length == 0
                  ? OptionalDouble.empty()
                  : OptionalDouble.of(sum / leads.length);
            })
        .ifPresent(figures::add);
    return figures;
  }

  private void detect(Observed observed, String flag, String suffix, List<Figure> figures) {
    Predicate<Observation> wrong = each -> !each.right();
    Predicate<Observation> flagged = each -> each.flag(flag);
    observed.share(name(), "tpr" + suffix, wrong, flagged).ifPresent(figures::add);
    observed
        .share(name(), "tnr" + suffix, Observation::right, flagged.negate())
        .ifPresent(figures::add);
    observed
        .statistic(
            name(),
            "g_mean_squared" + suffix,
            observed.items().stream().map(item -> Observed.of(item, name())).toList(),
            items -> {
              List<Observation> all = items.stream().flatMap(List::stream).toList();
              List<Observation> positive = all.stream().filter(wrong).toList();
              List<Observation> negative = all.stream().filter(Observation::right).toList();
              return positive.isEmpty() || negative.isEmpty()
                  ? OptionalDouble.empty()
                  : OptionalDouble.of(
                      Observed.share(positive, flagged)
                          * Observed.share(negative, flagged.negate()));
            })
        .ifPresent(figures::add);
  }

  /**
   * What the monitor makes of a trace.
   *
   * @param first the step of the whole generation with which the trace begins
   */
  private Observation watched(
      Solution solution, String condition, Trace trace, int nfe, int first) {
    Optional<String> answer = solution.spans(trace.last()).map(Spans::answer);
    OptionalInt flagged = OptionalInt.empty();
    for (int step = 0; step < trace.steps() && flagged.isEmpty(); step++) {
      if (monitor.flags(Estimates.written(solution, trace.canvasBefore(step + 1)))) {
        flagged = OptionalInt.of(step);
      }
    }
    Observation observation =
        solution
            .observe(name(), condition, answer, nfe)
            .with(FLAGGED, flagged.isPresent())
            .with(FLAGGED_IN_THE_END, monitor.flags(solution.text(trace.last())));
    Optional<AnswerStatistics> statistics = solution.statistics(trace);
    return flagged.isPresent() && statistics.isPresent()
        ? observation
            .with("step", first + flagged.getAsInt())
            .with(LEAD, statistics.get().answerCommitted() - flagged.getAsInt())
        : observation;
  }
}
