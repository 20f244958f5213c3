package dev.palimpsest.lab.battery;

import dev.palimpsest.lab.measure.Estimate;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * Every number that the battery reports, all of them computed of the items.
 *
 * @param figures of each model, part by part; {@code text} is what is known without a change
 * @param cells of each model
 * @param contrasts of the first model and the second, if there are two
 */
public record Figures(List<Figure> figures, List<Cell> cells, List<Contrast> contrasts) {
  /** The part of numbers that need no change. */
  public static final String TEXT = "text";

  /** Takes its own copies. */
  public Figures {
    figures = List.copyOf(figures);
    cells = List.copyOf(cells);
    contrasts = List.copyOf(contrasts);
  }

  /**
   * Computes them.
   *
   * @param models one, or one and its twin
   * @param parts that were done
   */
  public static Figures of(List<Observed> models, List<Part> parts) {
    List<Figure> figures = new ArrayList<>();
    List<Cell> cells = new ArrayList<>();
    for (Observed model : models) {
      figures.addAll(text(model));
      parts.forEach(part -> figures.addAll(part.figures(model)));
      cells.addAll(Cell.of(model));
    }
    return new Figures(
        figures, cells, models.size() < 2 ? List.of() : Contrast.of(models.get(0), models.get(1)));
  }

  private static List<Figure> text(Observed observed) {
    List<Figure> figures = new ArrayList<>();
    int n = observed.items().size();
    int answered =
        (int) observed.items().stream().filter(each -> each.answer().isPresent()).count();
    int right = (int) observed.items().stream().filter(ItemResult::right).count();
    if (n > 0) {
      figures.add(Figure.of(observed.model(), TEXT, "answered", Estimate.share(answered, n)));
      figures.add(Figure.of(observed.model(), TEXT, "right", Estimate.share(right, n)));
    }
    Set<String> names = new LinkedHashSet<>();
    observed.items().forEach(each -> names.addAll(each.measures().keySet()));
    names.remove("right");
    for (String name : names) {
      observed
          .mean(
              TEXT,
              name,
              item ->
                  item.measures().containsKey(name)
                      ? OptionalDouble.of(item.measures().getOrDefault(name, 0.0))
                      : OptionalDouble.empty())
          .ifPresent(figures::add);
    }
    return figures;
  }
}
