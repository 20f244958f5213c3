package dev.palimpsest.sampler.intervention;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Replaces tokens by others at random, each other token as likely as any.
 *
 * @param region where
 * @param amount how many of the filled positions there
 * @param choice what a token becomes
 */
public record Corrupt(Region region, Amount amount, Choice choice) implements CanvasTransform {
  /** What a token becomes. */
  public enum Choice {
    /** A digit another digit; nothing else changes. */
    DIGITS,
    /** Another token that stands for text. */
    WORDS,
    /** Any other token but the mask, control tokens and ends of a text too. */
    ALL
  }

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
  public Optional<Change> change(StepContext context) {
    List<Integer> open =
        region.positions(context).stream()
            .filter(context::isText)
            .filter(position -> choice != Choice.DIGITS || context.piece(position).matches("[0-9]"))
            .toList();
    int[] drawn = drawn(context.language());
    TreeMap<Integer, Integer> writes = new TreeMap<>();
    for (int position : chosen(context, open)) {
      OptionalInt other =
          choice == Choice.DIGITS ? digit(context, position) : token(context, position, drawn);
      other.ifPresent(id -> writes.put(position, id));
    }
    return Optional.of(
        Change.write(
            "%d %s in %s became others"
                .formatted(
                    writes.size(), choice == Choice.DIGITS ? "digits" : "tokens", region.label()),
            writes));
  }

  private List<Integer> chosen(StepContext context, List<Integer> open) {
    return switch (amount) {
      case Share(double share) ->
          open.stream().filter(position -> context.uniform(position, 0) < share).toList();
      case Count(int count) ->
          open.stream()
              .sorted(Comparator.comparingDouble(position -> context.uniform(position, 0)))
              .limit(count)
              .toList();
    };
  }

  private static OptionalInt digit(StepContext context, int position) {
    int digit = context.piece(position).charAt(0) - '0';
    int other = (digit + 1 + (int) (9 * context.uniform(position, 1))) % 10;
    return context.language().id(String.valueOf(other));
  }

  /** The ids that a token may become, ascending. */
  private int[] drawn(Language language) {
    return switch (choice) {
      case DIGITS -> new int[0];
      case WORDS -> IntStream.range(0, language.vocabulary()).filter(language::isWord).toArray();
      case ALL ->
          IntStream.range(0, language.vocabulary())
              .filter(id -> id != language.specials().maskId())
              .toArray();
    };
  }

  private static OptionalInt token(StepContext context, int position, int[] drawn) {
    int own = Arrays.binarySearch(drawn, context.canvas().id(position));
    int others = own < 0 ? drawn.length : drawn.length - 1;
    if (others == 0) {
      return OptionalInt.empty();
    }
    int index = (int) (others * context.uniform(position, 1));
    return OptionalInt.of(drawn[own >= 0 && index >= own ? index + 1 : index]);
  }
}
