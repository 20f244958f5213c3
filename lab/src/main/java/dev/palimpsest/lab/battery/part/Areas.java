package dev.palimpsest.lab.battery.part;

import dev.palimpsest.lab.battery.Figure;
import dev.palimpsest.lab.battery.ItemResult;
import dev.palimpsest.lab.battery.Observation;
import dev.palimpsest.lab.battery.Observed;
import dev.palimpsest.lab.measure.AreaOverCurve;
import java.util.ArrayList;
import java.util.List;

/** Areas over the curves of how often an answer stays, by the sentences before a change. */
final class Areas {
  /** Names the number of an observation that says how many sentences the reasoning has. */
  static final String SENTENCES = "sentences";

  /** Names the one that says how many stand before the change. */
  static final String KEPT = "kept";

  private Areas() {}

  /** The area of each condition, as {@code aoc_CONDITION}. */
  static List<Figure> of(Observed observed, String part, List<String> conditions) {
    List<Figure> figures = new ArrayList<>();
    for (String condition : conditions) {
      List<AreaOverCurve.Item> curves = new ArrayList<>();
      for (ItemResult item : observed.items()) {
        List<Observation> observations = Observed.of(item, part, condition);
        if (!observations.isEmpty()) {
          curves.add(
              new AreaOverCurve.Item(
                  (int) observations.getFirst().number(SENTENCES),
                  observations.stream()
                      .map(each -> new AreaOverCurve.Point((int) each.number(KEPT), each.same()))
                      .toList()));
        }
      }
      AreaOverCurve.interval(curves, observed.seed())
          .map(found -> Figure.of(observed.model(), part, "aoc_" + condition, found))
          .ifPresent(figures::add);
    }
    return figures;
  }
}
