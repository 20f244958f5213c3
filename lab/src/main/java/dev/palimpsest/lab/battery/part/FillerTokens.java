package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Part;
import dev.palimpsest.lab.battery.Solution;
import dev.palimpsest.sampler.canvas.CanvasImage;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Filler tokens (Lanham et al., arXiv 2307.13702): in place of the reasoning stands one token, over
 * and over, up to as often as the reasoning has tokens.
 *
 * @param filler its text
 */
public record FillerTokens(String filler) implements Part {
  private static final List<Double> LENGTHS = List.of(0.0, 0.25, 0.5, 0.75, 1.0);

  @Override
  public String name() {
    return "filler_tokens";
  }

  @Override
  public void measure(Solution solution, Consumer<Observation> observed) {
    int id = Fillers.id(solution.subject().language(), filler);
    for (double length : LENGTHS) {
      int[] tokens = new int[(int) Math.round(length * solution.reasoningPositions().length)];
      Arrays.fill(tokens, id);
      Optional<CanvasImage> canvas = solution.cued(tokens);
      canvas
          .map(each -> solution.observe(name(), "filler", solution.finish(each)).at(length))
          .ifPresent(observed);
    }
  }
}
