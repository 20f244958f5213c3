package dev.palimpsest.sampler.intervention;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * Replaces tokens by others at random.
 *
 * @param region where
 * @param amount how many of the filled positions there
 * @param digitsOnly whether digits become other digits, and nothing else changes
 */
public record Corrupt(Region region, Amount amount, boolean digitsOnly) implements StepTransform {
  /** How many positions are corrupted. */
  public sealed interface Amount {}

  /** Each position by itself with this probability. */
  public record Share(double share) implements Amount {}

  /** So many positions, or all where there are fewer, each set of them as likely as another. */
  public record Count(int count) implements Amount {}

  @Override
  public String name() {
    return "corrupt";
  }

  @Override
  public Optional<Change> change(Moment moment) {
    List<Integer> open =
        region.positions(moment).stream()
            .filter(moment::isText)
            .filter(position -> !digitsOnly || moment.piece(position).matches("[0-9]"))
            .toList();
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    for (int position : chosen(moment, open)) {
      OptionalInt other = digitsOnly ? digit(moment, position) : token(moment, position);
      other.ifPresent(id -> writes.put(position, id));
    }
    return Optional.of(
        Change.write(
            "%d of the %s in %s became others"
                .formatted(writes.size(), digitsOnly ? "digits" : "tokens", region),
            writes));
  }

  private List<Integer> chosen(Moment moment, List<Integer> open) {
    return switch (amount) {
      case Share(double share) ->
          open.stream().filter(position -> moment.uniform(position, 0) < share).toList();
      case Count(int count) ->
          open.stream()
              .sorted(Comparator.comparingDouble(position -> moment.uniform(position, 0)))
              .limit(count)
              .toList();
    };
  }

  private static OptionalInt digit(Moment moment, int position) {
    int digit = moment.piece(position).charAt(0) - '0';
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
