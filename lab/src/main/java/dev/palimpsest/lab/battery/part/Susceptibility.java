package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.ItemResult;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.lab.measure.Spearman;
import dev.palimpsest.sampler.intervention.Corrupt;
import dev.palimpsest.sampler.intervention.Region;
import dev.palimpsest.sampler.run.Generation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/**
 * Susceptibility, the protocol published on DiffusionGemma in 2026: the reasoning's positions are
 * pinned, a share of them holds random word pieces, and the answer is written again. Share 0 is the
 * clamp with which the others are compared.
 *
 * @param draws of the random pieces for every share
 */
public record Susceptibility(int draws) implements Part {
  private static final String REPLACED = "replaced";
  private static final String FLIP = "flip";
  private static final String COMMIT = "answer_committed_share";
  private static final List<Double> SHARES = List.of(0.25, 0.5, 0.75, 1.0);

  @Override
  public String name() {
    return "susceptibility";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    Observation clamp = observe(solution, 0, 0);
    observed.accept(clamp);
    for (double share : SHARES) {
      for (int draw = 0; draw < draws; draw++) {
        Observation replaced = observe(solution, share, draw);
        Optional<String> answer = replaced.answer();
        observed.accept(replaced.with(FLIP, !answer.equals(clamp.answer())));
      }
    }
  }

  /**
   * {@code susceptibility}: the mean over the shares above 0 of how often the answer is another
   * than the clamp's. Spearman's correlations of it with {@code commit}, the part of the run until
   * the answer was complete, and of either with {@code difficulty}, the steps that the problem's
   * file says, or else the sentences of the reasoning.
   */
  @Override
  public List<Figure> figures(Observed observed) {
    List<Figure> figures = new ArrayList<>();
    observed.mean(name(), "susceptibility", this::of).ifPresent(figures::add);
    List<ItemResult> items =
        observed.items().stream()
            .filter(item -> of(item).isPresent() && item.measures().containsKey(COMMIT))
            .toList();
    double[] flips = items.stream().mapToDouble(item -> of(item).orElseThrow()).toArray();
    double[] commits =
        items.stream().mapToDouble(item -> item.measures().getOrDefault(COMMIT, 0.0)).toArray();
    double[] difficulties =
        items.stream().mapToDouble(item -> item.steps().orElse(item.sentences())).toArray();
    correlate(observed, "commit_susceptibility", commits, flips).ifPresent(figures::add);
    correlate(observed, "difficulty_commit", difficulties, commits).ifPresent(figures::add);
    correlate(observed, "difficulty_susceptibility", difficulties, flips).ifPresent(figures::add);
    return figures;
  }

  private Optional<Figure> correlate(
      Observed observed, String which, double[] some, double[] other) {
    return Spearman.interval(some, other, observed.seed())
        .map(found -> Figure.of(observed.model(), name(), "spearman_" + which, found));
  }

  /** The share of an item's replacements that flip its answer. */
  private OptionalDouble of(ItemResult item) {
    List<Observation> replaced =
        Observed.of(item, name(), REPLACED).stream()
            .filter(each -> each.flags().containsKey(FLIP))
            .toList();
    return replaced.isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(Observed.share(replaced, each -> each.flag(FLIP)));
  }

  private Observation observe(Solution solution, double share, int draw) {
    int length = solution.reasoningPositions().length;
    Corrupt corrupt =
        new Corrupt(
            new Region.Span(0, length),
            new Corrupt.Count((int) Math.round(share * length)),
            Corrupt.Choice.WORDS);
    Generation generation =
        solution.finish(
            solution
                .draft()
                .change(corrupt, draw)
                .mask(solution.answerPositions())
                .fixRest()
                .canvas());
    return solution.observe(name(), REPLACED, generation).at(share);
  }
}
