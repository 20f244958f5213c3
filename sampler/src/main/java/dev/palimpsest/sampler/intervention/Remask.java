package dev.palimpsest.sampler.intervention;

import java.util.List;
import java.util.Optional;

/**
 * Masks filled positions again.
 *
 * @param region where
 * @param share of the filled positions there, each chosen by itself; 1 takes all
 * @param numbersToo whether digits and signs may be masked; if not, a model that fills the rest
 *     writes its own words around the same numbers
 */
public record Remask(Region region, double share, boolean numbersToo) implements CanvasTransform {
  @Override
  public String name() {
    return "remask";
  }

  @Override
  public Optional<Change> change(StepContext context) {
    List<Integer> chosen =
        region.positions(context).stream()
            .filter(context::isText)
            .filter(position -> numbersToo || !isNumber(context.piece(position)))
            .filter(position -> context.uniform(position, 0) < share)
            .toList();
    return Optional.of(
        Change.remask(
            "%d tokens in %s masked again".formatted(chosen.size(), region.label()), chosen));
  }

  /** Whether a piece holds a digit or a sign of arithmetic. */
  static boolean isNumber(String piece) {
    return piece.matches(".*[-+*/=0-9].*");
  }
}
