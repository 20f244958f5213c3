package dev.palimpsest.app.findings;

import dev.palimpsest.app.terminal.Wording;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.lab.study.Item;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Shares and means over the items of an experiment, with intervals over problems.
 *
 * @param items one per problem
 */
record Outcomes(List<Item> items) {
  private static final Pattern EQUATION = Pattern.compile("(\\d+)[-+*](\\d+)=(\\d+)");

  /**
   * How often something happened.
   *
   * @param hits times it did
   * @param trials times it could have
   * @param estimate of the share; empty where it never could have
   */
  record Share(int hits, int trials, Optional<Estimate> estimate) {
    /** The share as {@code 12.3 % [10.1, 14.6] (41 of 333)}; a dash where there were no trials. */
    @Override
    public String toString() {
      return estimate
          .map(each -> "%s (%d of %d)".formatted(Wording.percent(each), hits, trials))
          .orElse("–");
    }
  }

  /** The share of the trials of a kind whose answer is another one than without the edit. */
  Share flips(Predicate<Item.Trial> kind) {
    return trials((_, trial) -> kind.test(trial));
  }

  /** The share of flipped answers among the trials of a kind that depends on the item. */
  Share trials(Kind kind) {
    int[] flips = new int[items.size()];
    int[] trials = new int[items.size()];
    for (int index = 0; index < items.size(); index++) {
      Item item = items.get(index);
      for (Item.Trial trial : item.trials()) {
        if (kind.test(item, trial)) {
          trials[index]++;
          flips[index] += trial.answer().equals(item.answer()) ? 0 : 1;
        }
      }
    }
    return share(flips, trials);
  }

  /** The share of one kind less that of another, in points of a hundred. */
  String difference(Predicate<Item.Trial> kind, Predicate<Item.Trial> other) {
    Optional<Estimate> first = flips(kind).estimate();
    Optional<Estimate> second = flips(other).estimate();
    if (first.isEmpty() || second.isEmpty()) {
      return "–";
    }
    Estimate.Interval interval = Estimate.difference(first.get(), second.get());
    return String.format(
        Locale.ROOT,
        "%+.1f points [%+.1f, %+.1f]",
        100 * (first.get().value() - second.get().value()),
        100 * interval.low(),
        100 * interval.high());
  }

  /** The share of the items for which something holds, of those that {@code counts}. */
  Share share(Predicate<Item> counts, Predicate<Item> holds) {
    return share(
        items.stream().mapToInt(item -> counts.test(item) && holds.test(item) ? 1 : 0).toArray(),
        items.stream().mapToInt(item -> counts.test(item) ? 1 : 0).toArray());
  }

  /** The mean of a share over the items that have it. */
  Optional<Estimate> mean(Function<Item, OptionalDouble> value) {
    double[] values = items.stream().map(value).flatMapToDouble(OptionalDouble::stream).toArray();
    return values.length == 0 ? Optional.empty() : Optional.of(Estimate.mean(values, 1));
  }

  private static Share share(int[] hits, int[] trials) {
    return new Share(
        Arrays.stream(hits).sum(), Arrays.stream(trials).sum(), Estimate.share(hits, trials));
  }

  /** What a digit of the reasoning is. */
  enum Role {
    /** A number that the problem gives. */
    GIVEN("a number of the problem"),
    /** The first term of a later equation: the result before it, written again. */
    CARRIED("a result carried to the next equation"),
    /** The result of an equation that is not the last. */
    RESULT("the result of an equation before the last"),
    /** The result of the last equation, which the answer repeats. */
    LAST_RESULT("the last result"),
    /** A number in no equation. */
    OTHER("in no equation");

    private final String words;

    Role(String words) {
      this.words = words;
    }

    String words() {
      return words;
    }
  }

  /** What the first digit that a trial wrote over was. */
  static Role role(Item item, Item.Trial trial) {
    int position = trial.writes().getFirst().position();
    int length = Math.min(item.timing().orElseThrow().reasoningLength(), item.tokens().size());
    StringBuilder text = new StringBuilder();
    int at = -1;
    for (int index = 0; index < length; index++) {
      at = index == position ? text.length() : at;
      text.append(item.tokens().get(index));
    }
    Matcher matcher = EQUATION.matcher(text);
    Role found = Role.OTHER;
    boolean first = true;
    while (matcher.find()) {
      if (found == Role.LAST_RESULT) {
        found = Role.RESULT;
      }
      if (at >= matcher.start(1) && at < matcher.end(1)) {
        found = first ? Role.GIVEN : Role.CARRIED;
      } else if (at >= matcher.start(2) && at < matcher.end(2)) {
        found = Role.GIVEN;
      } else if (at >= matcher.start(3) && at < matcher.end(3)) {
        found = Role.LAST_RESULT;
      }
      first = false;
    }
    return found;
  }

  /** Says which trials of which items count. */
  interface Kind {
    boolean test(Item item, Item.Trial trial);
  }
}
