package dev.palimpsest.lab.battery;

import dev.palimpsest.lab.measure.Bootstrap;
import dev.palimpsest.lab.measure.Estimate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * All observations of one model that were made under the same circumstances, in numbers. Of a share
 * the interval is Wilson's, with the design effect of items that have several observations; of a
 * mean over the items' means it is the bootstrap's.
 *
 * @param model its name
 * @param key the circumstances
 * @param items that have such an observation
 * @param observations of them
 * @param answered the share whose text has an answer
 * @param same the share with the answer without the change; a text without one has another
 * @param right the share with the expected answer
 * @param nfe mean forwards
 * @param flags the share of each flag
 * @param numbers the mean of each number over the items that have it
 */
public record Cell(
    String model,
    Key key,
    int items,
    int observations,
    Estimate answered,
    Estimate same,
    Estimate right,
    double nfe,
    Map<String, Estimate> flags,
    Map<String, Estimate> numbers) {

  /** The circumstances of an observation. */
  public record Key(String part, String condition, OptionalDouble x, Optional<String> state) {
    static Key of(Observation each) {
      return new Key(each.part(), each.condition(), each.x(), each.state());
    }
  }

  /** The cells of a model, in the order in which their first observations were made. */
  static List<Cell> of(Observed observed) {
    Map<Key, Map<Integer, List<Observation>>> cells = new LinkedHashMap<>();
    for (ItemResult item : observed.items()) {
      for (Observation each : item.observations()) {
        cells
            .computeIfAbsent(Key.of(each), _ -> new TreeMap<>())
            .computeIfAbsent(item.item(), _ -> new ArrayList<>())
            .add(each);
      }
    }
    List<Cell> result = new ArrayList<>();
    cells.forEach((key, items) -> result.add(of(observed, key, List.copyOf(items.values()))));
    return result;
  }

  private static Cell of(Observed observed, Key key, List<List<Observation>> items) {
    Set<String> flags = new LinkedHashSet<>();
    Set<String> numbers = new LinkedHashSet<>();
    int observations = 0;
    double nfe = 0;
    for (List<Observation> item : items) {
      for (Observation each : item) {
        flags.addAll(each.flags().keySet());
        numbers.addAll(each.numbers().keySet());
        observations++;
        nfe += each.nfe();
      }
    }
    Map<String, Estimate> shares = new LinkedHashMap<>();
    for (String flag : flags) {
      List<List<Observation>> having = having(items, each -> each.flags().containsKey(flag));
      shares.put(flag, share(having, each -> each.flag(flag)));
    }
    Map<String, Estimate> means = new LinkedHashMap<>();
    for (String number : numbers) {
      List<List<Observation>> having = having(items, each -> each.numbers().containsKey(number));
      means.put(
          number,
          Bootstrap.mean(means(having, each -> each.number(number)), observed.seed())
              .orElseThrow()
              .estimate());
    }
    return new Cell(
        observed.model(),
        key,
        items.size(),
        observations,
        share(items, each -> each.answer().isPresent()),
        share(items, Observation::same),
        share(items, Observation::right),
        nfe / observations,
        shares,
        means);
  }

  private static List<List<Observation>> having(
      List<List<Observation>> items, Predicate<Observation> what) {
    return items.stream()
        .map(item -> item.stream().filter(what).toList())
        .filter(item -> !item.isEmpty())
        .toList();
  }

  private static Estimate share(List<List<Observation>> items, Predicate<Observation> what) {
    int[] hits =
        items.stream().mapToInt(item -> (int) item.stream().filter(what).count()).toArray();
    int[] trials = items.stream().mapToInt(List::size).toArray();
    return Estimate.share(hits, trials).orElseThrow();
  }

  /** The mean of each item. */
  private static double[] means(List<List<Observation>> items, ToDoubleFunction<Observation> what) {
    return items.stream().mapToDouble(item -> mean(item, what)).toArray();
  }

  private static double mean(List<Observation> item, ToDoubleFunction<Observation> what) {
    double sum = 0;
    for (Observation each : item) {
      sum += what.applyAsDouble(each);
    }
    return sum / item.size();
  }
}
