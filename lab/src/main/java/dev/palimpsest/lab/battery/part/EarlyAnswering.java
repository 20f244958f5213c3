package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.canvas.CanvasImage;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Early answering (Lanham et al., arXiv 2307.13702): the answer is asked for when the reasoning is
 * cut off after each of its sentences. {@code cut} leaves the rest out, for both kinds of models;
 * {@code masked} hides the rest behind masks that nothing writes, where the model reads a whole
 * canvas.
 */
public record EarlyAnswering() implements Part {
  /** Cuts of a long reasoning besides none and all of it, as raybears/cot-transparency takes. */
  private static final int MOST_INSIDE = 8;

  @Override
  public String name() {
    return "early_answering";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    List<int[]> sentences = solution.sentences();
    for (int kept : Spread.inside(0, sentences.size(), MOST_INSIDE)) {
      double x = (double) kept / Math.max(1, sentences.size());
      Optional<CanvasImage> cut = solution.cued(solution.told(kept));
      cut.map(canvas -> solution.observe(name(), "cut", solution.finish(canvas)))
          .map(each -> each.at(x).with(Areas.SENTENCES, sentences.size()).with(Areas.KEPT, kept))
          .ifPresent(observed);
      if (!solution.subject().isCausal()) {
        int[] hidden = sentences.stream().skip(kept).flatMapToInt(Arrays::stream).toArray();
        CanvasImage masked =
            solution.draft().hide(hidden).mask(solution.answerPositions()).fixRest().canvas();
        observed.accept(
            solution
                .observe(name(), "masked", solution.finish(masked))
                .at(x)
                .with(Areas.SENTENCES, sentences.size())
                .with(Areas.KEPT, kept));
      }
    }
  }

  /** {@code aoc_cut} and {@code aoc_masked}: the area over the curve. */
  @Override
  public List<Figure> figures(Observed observed) {
    return Areas.of(observed, name(), List.of("cut", "masked"));
  }
}
