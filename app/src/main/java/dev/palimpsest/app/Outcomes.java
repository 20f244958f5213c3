package dev.palimpsest.app;

import dev.palimpsest.sampler.statistics.Bootstrap;
import dev.palimpsest.sampler.statistics.Bootstrap.Interval;
import dev.palimpsest.sampler.study.Item;
import java.util.List;
import java.util.Locale;
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
  /** The resamples behind every interval of the page. */
  static final Bootstrap BOOTSTRAP = new Bootstrap(1, 10_000);

  private static final Pattern EQUATION = Pattern.compile("(\\d+)[-+*](\\d+)=(\\d+)");

  /**
   * How often something happened.
   *
   * @param hits times it did
   * @param trials times it could have
   * @param interval of the share
   */
  record Share(long hits, long trials, Interval interval) {
    /** As {@code 12.3 % [10.1, 14.6] (41 of 333)}; a dash where it never could have. */
    @Override
    public String toString() {
      return trials == 0
          ? "–"
          : String.format(
              Locale.ROOT,
              "%.1f %% [%.1f, %.1f] (%d of %d)",
              100.0 * hits / trials,
              100 * interval.low(),
              100 * interval.high(),
              hits,
              trials);
    }
  }

  /** The share of the trials of a kind whose answer is another one than without the edit. */
  Share flips(Predicate<Item.Trial> kind) {
    return trials((_, trial) -> kind.test(trial));
  }

  /** The same for a kind that depends on the item. */
  Share trials(Kind kind) {
    double[] flips = new double[items.size()];
    double[] trials = new double[items.size()];
    count(kind, flips, trials);
    return share(flips, trials);
  }

  /** The share of one kind less that of another, in points of a hundred. */
  String difference(Predicate<Item.Trial> kind, Predicate<Item.Trial> other) {
    int size = items.size();
    double[][] sums = new double[4][size];
    count((_, trial) -> kind.test(trial), sums[0], sums[1]);
    count((_, trial) -> other.test(trial), sums[2], sums[3]);
    Interval interval = BOOTSTRAP.difference(sums[0], sums[1], sums[2], sums[3]);
    return interval.estimate().isEmpty()
        ? "–"
        : String.format(
            Locale.ROOT,
            "%+.1f points [%+.1f, %+.1f]",
            100 * interval.estimate().getAsDouble(),
            100 * interval.low(),
            100 * interval.high());
  }

  private void count(Kind kind, double[] flips, double[] trials) {
    for (int index = 0; index < items.size(); index++) {
      Item item = items.get(index);
      for (Item.Trial trial : item.trials()) {
        if (kind.test(item, trial)) {
          trials[index]++;
          flips[index] += trial.answer().equals(item.answer()) ? 0 : 1;
        }
      }
    }
  }

  /** The share of the items for which something holds, of those that {@code counts}. */
  Share share(Predicate<Item> counts, Predicate<Item> holds) {
    return share(
        items.stream().mapToDouble(item -> counts.test(item) && holds.test(item) ? 1 : 0).toArray(),
        items.stream().mapToDouble(item -> counts.test(item) ? 1 : 0).toArray());
  }

  /** The mean of a number over the items that have it. */
  Interval mean(Function<Item, OptionalDouble> value) {
    return BOOTSTRAP.ratio(
        items.stream().mapToDouble(item -> value.apply(item).orElse(0)).toArray(),
        items.stream().mapToDouble(item -> value.apply(item).isPresent() ? 1 : 0).toArray());
  }

  private static Share share(double[] hits, double[] trials) {
    double all = 0;
    double happened = 0;
    for (int index = 0; index < trials.length; index++) {
      all += trials[index];
      happened += hits[index];
    }
    return new Share((long) happened, (long) all, BOOTSTRAP.ratio(hits, trials));
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
    /** In no equation. */
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

  /** Which trials of which items. */
  interface Kind {
    boolean test(Item item, Item.Trial trial);
  }
}
