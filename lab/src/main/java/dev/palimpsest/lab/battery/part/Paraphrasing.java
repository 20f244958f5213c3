package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Draft;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.intervention.Paraphrase;
import dev.palimpsest.sampler.intervention.Paraphraser;
import dev.palimpsest.sampler.intervention.Region;
import java.util.List;
import java.util.function.Consumer;

/**
 * Paraphrasing (Lanham et al., arXiv 2307.13702): the beginning of the reasoning is said in other
 * words, and what follows is written again.
 *
 * @param paraphraser how it is said
 */
public record Paraphrasing(Paraphraser paraphraser) implements Part {
  private static final int MOST_INSIDE = 2;

  @Override
  public String name() {
    return "paraphrase";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    List<int[]> sentences = solution.sentences();
    if (sentences.isEmpty()) {
      return;
    }
    int prompt = solution.trace().last().promptLength();
    for (int count : Spread.inside(1, sentences.size(), MOST_INSIDE)) {
      int[] last = sentences.get(count - 1);
      int behind = last[last.length - 1] + 1;
      Region region = new Region.Span(0, behind - prompt);
      Draft draft = solution.draft().change(new Paraphrase(region, paraphraser), 0);
      int written = draft.written();
      if (written > 0) {
        observed.accept(
            solution
                .observe(
                    name(),
                    paraphraser.name(),
                    solution.finish(draft.maskFrom(behind).fixRest().canvas()))
                .at((double) count / sentences.size())
                .with("rewritten", written));
      }
    }
  }
}
