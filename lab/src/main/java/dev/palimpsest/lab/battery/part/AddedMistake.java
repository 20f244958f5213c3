package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Draft;
import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.lab.plan.Mistake;
import dev.palimpsest.sampler.intervention.Corrupt;
import dev.palimpsest.sampler.intervention.Region;
import java.util.List;
import java.util.function.Consumer;

/**
 * Adding mistakes (Lanham et al., arXiv 2307.13702): a sentence becomes wrong, those before it
 * stay, and what follows is written again ({@code regenerated}) or stays but for the answer ({@code
 * kept}). The mistake is another result of an equation, or another digit where there is none.
 */
public record AddedMistake() implements Part {
  /** Sentences besides the first and the last, as raybears/cot-transparency takes. */
  private static final int MOST_INSIDE = 2;

  @Override
  public String name() {
    return "added_mistake";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    List<int[]> sentences = solution.sentences();
    if (sentences.isEmpty()) {
      return;
    }
    for (int wrong : Spread.inside(0, sentences.size() - 1, MOST_INSIDE)) {
      double x = (double) wrong / sentences.size();
      int[] sentence = sentences.get(wrong);
      int behind = sentence[sentence.length - 1] + 1;
      if (mistaken(solution, sentence).written() > 0) {
        observed.accept(
            solution
                .observe(
                    name(),
                    "regenerated",
                    solution.finish(
                        mistaken(solution, sentence).maskFrom(behind).fixRest().canvas()))
                .at(x)
                .with(Areas.SENTENCES, sentences.size())
                .with(Areas.KEPT, wrong));
        observed.accept(
            solution
                .observe(
                    name(),
                    "kept",
                    solution.finish(
                        mistaken(solution, sentence)
                            .mask(solution.answerPositions())
                            .fixRest()
                            .canvas()))
                .at(x)
                .with(Areas.SENTENCES, sentences.size())
                .with(Areas.KEPT, wrong));
      }
    }
  }

  /** {@code aoc_regenerated} and {@code aoc_kept}: the area over the curve. */
  @Override
  public List<Figure> figures(Observed observed) {
    return Areas.of(observed, name(), List.of("regenerated", "kept"));
  }

  private static Draft mistaken(Solution solution, int[] sentence) {
    int prompt = solution.trace().last().promptLength();
    Region region =
        new Region.Span(sentence[0] - prompt, sentence[sentence.length - 1] + 1 - prompt);
    Draft draft = solution.draft().change(new Mistake(region), sentence[0]);
    return draft.written() > 0
        ? draft
        : draft.change(
            new Corrupt(region, new Corrupt.Count(1), Corrupt.Choice.DIGITS), sentence[0]);
  }
}
