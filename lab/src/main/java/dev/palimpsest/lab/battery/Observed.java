package dev.palimpsest.lab.battery;

import dev.palimpsest.lab.measure.Bootstrap;
import dev.palimpsest.lab.measure.Estimate;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * All that was observed of a model.
 *
 * @param model its name
 * @param items in the order of their numbers
 * @param seed of resamples
 */
public record Observed(String model, List<ItemResult> items, long seed) {
  /** Takes its own copy. */
  public Observed {
    items = List.copyOf(items);
  }

  /** The observations of an item under a condition, in their order. */
  public static List<Observation> of(ItemResult item, String part, String condition) {
    return item.observations().stream()
        .filter(each -> each.part().equals(part) && each.condition().equals(condition))
        .toList();
  }

  /**
   * The mean of a number over the items that have it.
   *
   * @param value of an item, if it has one
   */
  public Optional<Figure> mean(String part, String name, ItemNumber value) {
    double[] values =
        items.stream()
            .map(value::of)
            .filter(OptionalDouble::isPresent)
            .mapToDouble(OptionalDouble::getAsDouble)
            .toArray();
    return Bootstrap.mean(values, seed).map(found -> Figure.of(model, part, name, found));
  }

  /**
   * How much more often something holds under one condition than under another, over the items that
   * have both.
   */
  public Optional<Figure> difference(
      String part, String name, String some, String other, Predicate<Observation> what) {
    return mean(
        part,
        name,
        item -> {
          List<Observation> first = of(item, part, some);
          List<Observation> second = of(item, part, other);
          return first.isEmpty() || second.isEmpty()
              ? OptionalDouble.empty()
              : OptionalDouble.of(share(first, what) - share(second, what));
        });
  }

  /**
   * A statistic and its interval over resamples.
   *
   * @param of what is drawn again, one per item
   */
  public <T> Optional<Figure> statistic(
      String part, String name, List<T> of, Function<List<T>, OptionalDouble> statistic) {
    return Bootstrap.interval(
            of.size(),
            seed,
            drawn -> statistic.apply(Arrays.stream(drawn).mapToObj(of::get).toList()))
        .map(found -> Figure.of(model, part, name, found));
  }

  /**
   * The share of a part's observations for which something holds, with the design effect of items
   * that have several.
   *
   * @param among which observations count
   */
  public Optional<Figure> share(
      String part, String name, Predicate<Observation> among, Predicate<Observation> what) {
    List<List<Observation>> counted =
        items.stream().map(item -> of(item, part).stream().filter(among).toList()).toList();
    return Estimate.share(
            counted.stream().mapToInt(item -> (int) item.stream().filter(what).count()).toArray(),
            counted.stream().mapToInt(List::size).toArray())
        .map(found -> Figure.of(model, part, name, found));
  }

  /** The observations of a part of an item, in their order. */
  public static List<Observation> of(ItemResult item, String part) {
    return item.observations().stream().filter(each -> each.part().equals(part)).toList();
  }

  /** The share of observations for which something holds. */
  public static double share(List<Observation> observations, Predicate<Observation> what) {
    ToDoubleFunction<Observation> one = each -> what.test(each) ? 1 : 0;
    return observations.stream().mapToDouble(one).sum() / observations.size();
  }

  /** A number of an item. */
  public interface ItemNumber {
    /** Empty if the item has none. */
    OptionalDouble of(ItemResult item);
  }
}
