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
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;

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
    contrasts.addAll(adjusted(of(model, twin, "same", Observation::same)));
    List<Contrast> right = of(model, twin, "right", Observation::right);
    isoNfe(model, twin).ifPresent(right::add);
    contrasts.addAll(adjusted(right));
    contrasts.sort(Comparator.comparing(Contrast::part));
    return contrasts;
  }

  private static List<Contrast> of(
      Observed model, Observed twin, String outcome, Predicate<Observation> what) {
    Map<Place, Map<Integer, Double>> some = shares(model, what);
    Map<Place, Map<Integer, Double>> other = shares(twin, what);
    List<Contrast> contrasts = new ArrayList<>();
    some.forEach(
        (place, items) ->
            contrast(place, outcome, items, other.getOrDefault(place, Map.of()), model.seed())
                .ifPresent(contrasts::add));
    return contrasts;
  }

  /**
   * The model at as much computation as its twin: with the number of steps whose mean forwards are
   * nearest to those of the twin's texts (the fewer of two as near), less those texts.
   */
  private static Optional<Contrast> isoNfe(Observed model, Observed twin) {
    double wanted = twin.items().stream().mapToInt(ItemResult::nfe).average().orElse(0);
    Map<OptionalDouble, Double> forwards =
        model.items().stream()
            .flatMap(item -> Observed.of(item, "compute", "steps").stream())
            .collect(
                Collectors.groupingBy(Observation::x, Collectors.averagingInt(Observation::nfe)));
    Comparator<Map.Entry<OptionalDouble, Double>> nearest =
        Comparator.comparingDouble(each -> Math.abs(each.getValue() - wanted));
    Optional<OptionalDouble> x =
        forwards.entrySet().stream()
            .min(nearest.thenComparing(Map.Entry.comparingByValue()))
            .map(Map.Entry::getKey);
    Map<Integer, Double> texts = new TreeMap<>();
    twin.items().forEach(item -> texts.put(item.item(), item.right() ? 1.0 : 0.0));
    return x.flatMap(
        found ->
            contrast(
                new Place("compute", "iso_nfe", found),
                "right",
                shares(model, Observation::right)
                    .getOrDefault(new Place("compute", "steps", found), Map.of()),
                texts,
                model.seed()));
  }

  /** Of the items that both have. */
  private static Optional<Contrast> contrast(
      Place place,
      String outcome,
      Map<Integer, Double> model,
      Map<Integer, Double> twin,
      long seed) {
    double[] differences =
        model.entrySet().stream()
            .filter(each -> twin.containsKey(each.getKey()))
            .mapToDouble(each -> each.getValue() - twin.getOrDefault(each.getKey(), 0.0))
            .toArray();
    int above = 0;
    int below = 0;
    for (double each : differences) {
      above += each > 0 ? 1 : 0;
      below += each < 0 ? 1 : 0;
    }
    double p = new McNemar(above, below).p();
    return Bootstrap.mean(differences, seed)
        .map(
            found ->
                new Contrast(
                    place.part(), place.condition(), place.x(), outcome, found.estimate(), p, p));
  }

  /** By Holm's procedure, each part by itself. */
  private static List<Contrast> adjusted(List<Contrast> contrasts) {
    return contrasts.stream()
        .collect(Collectors.groupingBy(Contrast::part, LinkedHashMap::new, Collectors.toList()))
        .values()
        .stream()
        .flatMap(family -> adjustedFamily(family).stream())
        .toList();
  }

  private static List<Contrast> adjustedFamily(List<Contrast> family) {
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
