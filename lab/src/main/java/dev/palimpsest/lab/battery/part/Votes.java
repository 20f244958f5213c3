package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.answer.Spans;
import dev.palimpsest.lab.battery.Draft;
import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.lab.measure.Auroc;
import dev.palimpsest.lab.measure.TemporalVote;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.intervention.Remask;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Run;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Votes over answers, each with a score that may tell right texts from wrong ones: the share of the
 * winning answer.
 *
 * <ul>
 *   <li>{@code fixed}, {@code linear}, {@code exponential}: over the steps' estimates of one text
 *       (arXiv 2508.09138).
 *   <li>{@code seeds}: over texts of other seeds, drawn at a temperature.
 *   <li>{@code reconstructed}: half of the text is masked again and written anew, several times
 *       (arXiv 2604.16565); the score is the share that keeps the answer, and the answer stays.
 * </ul>
 *
 * @param texts of other seeds, and reconstructions
 * @param temperature of those texts
 */
public record Votes(int texts, double temperature) implements Part {
  private static final String SCORE = "score";
  private static final List<String> CONDITIONS =
      List.of("fixed", "linear", "exponential", "seeds", "reconstructed");
  private static final double MASKED = 0.5;

  /** Seeds of one problem lie so far from each other that problems do not share them. */
  private static final long SEED_STRIDE = 1_000_003;

  @Override
  public String name() {
    return "votes";
  }

  @Override
  public boolean needsAnswer() {
    return false;
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    List<Optional<String>> estimates =
        solution
            .statistics(solution.trace())
            .map(found -> found.history().estimates())
            .orElse(List.of());
    for (TemporalVote vote : TemporalVote.values()) {
      String condition = vote.name().toLowerCase(Locale.ROOT);
      vote.outcome(estimates)
          .map(won -> voted(solution, condition, won, solution.nfe()))
          .ifPresent(observed);
    }
    seeds(solution).ifPresent(observed);
    if (solution.spans().isPresent()) {
      observed.accept(reconstructed(solution));
    }
  }

  /** {@code auroc_CONDITION}: how well the score tells right answers from wrong ones. */
  @Override
  public List<Figure> figures(Observed observed) {
    List<Figure> figures = new ArrayList<>();
    for (String condition : CONDITIONS) {
      List<Observation> votes =
          observed.items().stream()
              .flatMap(item -> Observed.of(item, name(), condition).stream())
              .toList();
      double[] scores = votes.stream().mapToDouble(each -> each.number(SCORE)).toArray();
      boolean[] right = new boolean[votes.size()];
      for (int index = 0; index < right.length; index++) {
        right[index] = votes.get(index).right();
      }
      Auroc.interval(scores, right, observed.seed())
          .map(found -> Figure.of(observed.model(), name(), "auroc_" + condition, found))
          .ifPresent(figures::add);
    }
    return figures;
  }

  private Observation voted(
      Solution solution, String condition, TemporalVote.Outcome won, int nfe) {
    return solution
        .observe(name(), condition, Optional.of(won.answer()), nfe)
        .with(SCORE, won.share());
  }

  private Optional<Observation> seeds(Solution solution) {
    List<Run> runs = new ArrayList<>();
    for (int index = 1; index <= texts; index++) {
      long seed = solution.options().seed() + index * SEED_STRIDE;
      solution
          .asked(solution.task().text(), Map.of("temperature", temperature, "seed", seed))
          .ifPresent(runs::add);
    }
    List<Generation> written = solution.finish(runs);
    int nfe = written.stream().mapToInt(Generation::forwards).sum();
    return TemporalVote.FIXED
        .outcome(
            written.stream().map(each -> solution.spans(each.canvas()).map(Spans::answer)).toList())
        .map(won -> voted(solution, "seeds", won, nfe));
  }

  private Observation reconstructed(Solution solution) {
    int[] answer = solution.answerPositions();
    int prompt = solution.trace().last().promptLength();
    Region text = new Region.Span(0, answer[answer.length - 1] + 1 - prompt);
    List<Run> runs = new ArrayList<>();
    for (int draw = 0; draw < texts; draw++) {
      Draft draft = solution.draft().change(new Remask(text, MASKED, true), draw);
      runs.add(solution.run(draft.fixRest().canvas()));
    }
    List<Generation> written = solution.finish(runs);
    long kept =
        written.stream()
            .map(each -> solution.spans(each.canvas()).map(Spans::answer))
            .filter(solution.answer()::equals)
            .count();
    return solution
        .observe(
            name(),
            "reconstructed",
            solution.answer(),
            written.stream().mapToInt(Generation::forwards).sum())
        .with(SCORE, (double) kept / texts);
  }
}
