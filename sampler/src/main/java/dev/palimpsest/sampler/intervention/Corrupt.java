package dev.palimpsest.sampler.intervention;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * Replaces tokens by others at random.
 *
 * @param region where
 * @param share of the filled positions there, each chosen by itself
 * @param digitsOnly whether digits become other digits, and nothing else changes
 */
public record Corrupt(Region region, double share, boolean digitsOnly) implements StepTransform {
  @Override
  public String name() {
    return "corrupt";
  }

  @Override
  public Optional<Change> change(Moment moment) {
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    for (int position : region.positions(moment)) {
      if (moment.isText(position) && moment.uniform(position, 0) < share) {
        OptionalInt other = digitsOnly ? digit(moment, position) : token(moment, position);
        other.ifPresent(id -> writes.put(position, id));
      }
    }
    return Optional.of(
        Change.write(
            "%d of the %s in %s became others"
                .formatted(writes.size(), digitsOnly ? "digits" : "tokens", region),
            writes));
  }

  private static OptionalInt digit(Moment moment, int position) {
    String piece = moment.piece(position);
    if (!piece.matches("[0-9]")) {
      return OptionalInt.empty();
    }
    int digit = piece.charAt(0) - '0';
    int other = (digit + 1 + (int) (9 * moment.uniform(position, 1))) % 10;
    return moment.language().id(String.valueOf(other));
  }

  private static OptionalInt token(Moment moment, int position) {
    int vocabulary = moment.language().vocabulary();
    int first = (int) (vocabulary * moment.uniform(position, 1));
    for (int step = 0; step < vocabulary; step++) {
      int id = (first + step) % vocabulary;
      if (moment.language().isText(id) && id != moment.canvas().id(position)) {
        return OptionalInt.of(id);
      }
    }
    return OptionalInt.empty();
  }
}
