package dev.palimpsest.lab.battery;

import dev.palimpsest.lab.measure.Bootstrap;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.lab.measure.Holm;
import dev.palimpsest.lab.measure.McNemar;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * A model less its twin, over the items that have both.
 *
 * @param part of the battery
 * @param condition that both were under
 * @param x how much of it
 * @param outcome {@code same} or {@code right}
 * @param difference the mean of the items' differences between the shares, and its bootstrap
 *     interval
 * @param p exact and two-sided: as many items favour the one as the other. With one observation an
 *     item this is McNemar's test
 * @param adjusted the same by Holm's procedure among all contrasts of the part with this outcome
 */
public record Contrast(
    String part,
    String condition,
    OptionalDouble x,
    String outcome,
    Estimate difference,
    double p,
    double adjusted) {

  /** The contrasts of a model and its twin. */
  static List<Contrast> of(Observed model, Observed twin) {
    List<Contrast> contrasts = new ArrayList<>();
    contrasts.addAll(of(model, twin, "same", Observation::same));
    contrasts.addAll(of(model, twin, "right", Observation::right));
    contrasts.sort(Comparator.comparing(Contrast::part));
    return contrasts;
  }

  private static List<Contrast> of(
      Observed model, Observed twin, String outcome, Predicate<Observation> what) {
    Map<Place, Map<Integer, Double>> some = shares(model, what);
    Map<Place, Map<Integer, Double>> other = shares(twin, what);
    Map<String, List<Contrast>> families = new LinkedHashMap<>();
    some.forEach(
        (place, items) -> {
          Map<Integer, Double> others = other.getOrDefault(place, Map.of());
          double[] differences =
              items.entrySet().stream()
                  .filter(each -> others.containsKey(each.getKey()))
                  .mapToDouble(each -> each.getValue() - others.getOrDefault(each.getKey(), 0.0))
                  .toArray();
          if (differences.length > 0) {
            families
                .computeIfAbsent(place.part(), _ -> new ArrayList<>())
                .add(contrast(place, outcome, differences, model.seed()));
          }
        });
    return families.values().stream().flatMap(family -> adjusted(family).stream()).toList();
  }

  private static Contrast contrast(Place place, String outcome, double[] differences, long seed) {
    int above = 0;
    int below = 0;
    for (double each : differences) {
      above += each > 0 ? 1 : 0;
      below += each < 0 ? 1 : 0;
    }
    double p = new McNemar(above, below).p();
    Estimate difference = Bootstrap.mean(differences, seed).orElseThrow().estimate();
    return new Contrast(place.part(), place.condition(), place.x(), outcome, difference, p, p);
  }

  private static List<Contrast> adjusted(List<Contrast> family) {
    double[] adjusted = Holm.adjusted(family.stream().mapToDouble(Contrast::p).toArray());
    List<Contrast> result = new ArrayList<>();
    for (int index = 0; index < adjusted.length; index++) {
      Contrast each = family.get(index);
      result.add(
          new Contrast(
              each.part(),
              each.condition(),
              each.x(),
              each.outcome(),
              each.difference(),
              each.p(),
              adjusted[index]));
    }
    return result;
  }

  /** The share of each item under each condition, whatever the answer's state was. */
  private static Map<Place, Map<Integer, Double>> shares(
      Observed observed, Predicate<Observation> what) {
    Map<Place, Map<Integer, List<Observation>>> found = new LinkedHashMap<>();
    for (ItemResult item : observed.items()) {
      for (Observation each : item.observations()) {
        found
            .computeIfAbsent(
                new Place(each.part(), each.condition(), each.x()), _ -> new TreeMap<>())
            .computeIfAbsent(item.item(), _ -> new ArrayList<>())
            .add(each);
      }
    }
    Map<Place, Map<Integer, Double>> shares = new LinkedHashMap<>();
    found.forEach(
        (place, items) -> {
          Map<Integer, Double> each = new TreeMap<>();
          items.forEach((item, observations) -> each.put(item, Observed.share(observations, what)));
          shares.put(place, each);
        });
    return shares;
  }

  private record Place(String part, String condition, OptionalDouble x) {}
}
