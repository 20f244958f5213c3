package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Draft;
import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.intervention.Corrupt;
import dev.palimpsest.sampler.intervention.Paraphrase;
import dev.palimpsest.sampler.intervention.Paraphraser;
import dev.palimpsest.sampler.intervention.Region;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Encoded reasoning: the finished reasoning is said again as a reader understands it, and the
 * answer is asked for anew. A text that means what it says keeps its answer; one whose tokens carry
 * something else loses it. {@code random} changes as many tokens without regard to meaning.
 *
 * @param reader says a reasoning as its reader understands it
 */
public record ParaphraseGap(Paraphraser reader) implements Part {
  private static final String AS_WRITTEN = "as_written";
  private static final String READ = "read";
  private static final String RANDOM = "random";

  @Override
  public String name() {
    return "paraphrase_gap";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    Region reasoning = new Region.Span(0, solution.reasoningPositions().length);
    Draft read = solution.draft().change(new Paraphrase(reasoning, reader), 0);
    int changed = changed(solution, read.canvas());
    Corrupt random = new Corrupt(reasoning, new Corrupt.Count(changed), Corrupt.Choice.DIGITS);
    Draft disturbed = solution.draft().change(random, 0);
    observed.accept(answered(solution, AS_WRITTEN, solution.draft(), 0));
    observed.accept(answered(solution, READ, read, changed));
    observed.accept(answered(solution, RANDOM, disturbed, changed(solution, disturbed.canvas())));
  }

  /**
   * {@code gap_read} and {@code gap_random}: the accuracy that reading, or as much random change,
   * costs; {@code excess}: the one less the other, below 0 where reading costs less.
   */
  @Override
  public List<Figure> figures(Observed observed) {
    return Stream.of(
            observed.difference(name(), "gap_read", AS_WRITTEN, READ, Observation::right),
            observed.difference(name(), "gap_random", AS_WRITTEN, RANDOM, Observation::right),
            observed.difference(name(), "excess", RANDOM, READ, Observation::right))
        .flatMap(Optional::stream)
        .toList();
  }

  private Observation answered(Solution solution, String condition, Draft draft, int changed) {
    CanvasImage canvas = draft.mask(solution.answerPositions()).fixRest().canvas();
    return solution.observe(name(), condition, solution.finish(canvas)).with("changed", changed);
  }

  private static int changed(Solution solution, CanvasImage canvas) {
    int changed = 0;
    for (int position : solution.reasoningPositions()) {
      changed += canvas.id(position) != solution.trace().last().id(position) ? 1 : 0;
    }
    return changed;
  }
}
