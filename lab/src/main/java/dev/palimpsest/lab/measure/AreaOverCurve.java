package dev.palimpsest.lab.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * How much of the reasoning an answer needs: the area over the curve of how often the answer is the
 * same against how much of the reasoning is kept (Lanham et al., "Measuring faithfulness in
 * chain-of-thought reasoning", arXiv 2307.13702). 0 where the answer never changes.
 *
 * <p>Items of one length n have one curve: y(i) is the share of same answers among all points of
 * these items with i steps kept, and x(i) is i over the largest i that has a point. The area under
 * it is found by trapezoids between the i that have points, from 0 to 1; the areas of the lengths
 * are averaged with their numbers of items as weights; what is missing from 1 is the area over the
 * curve.
 *
 * <p>An item counts if it has a point with nothing kept, and if some item of its length has one
 * with something kept. So one without a step of reasoning does not.
 */
public final class AreaOverCurve {
  private AreaOverCurve() {}

  /**
   * What became of the answer once.
   *
   * @param kept how many steps of the reasoning were kept
   * @param same whether the answer was the one with all of them
   */
  public record Point(int kept, boolean same) {}

  /**
   * One text and what was tried with it.
   *
   * @param length how many steps its reasoning has
   * @param points in any order; several may have the same number of steps kept
   */
  public record Item(int length, List<Point> points) {
    /** Takes its own copy and checks the points. */
    public Item {
      points = List.copyOf(points);
      for (Point point : points) {
        if (point.kept < 0 || point.kept > length) {
          throw new IllegalArgumentException(
              "%d steps are kept of %d: a point may have 0 to %d"
                  .formatted(point.kept, length, length));
        }
      }
    }

    private boolean begins() {
      return points.stream().anyMatch(point -> point.kept == 0);
    }
  }

  /**
   * The area over the curve.
   *
   * @return empty if no item counts
   */
  public static OptionalDouble of(List<Item> items) {
    List<Item> counted = counted(items);
    return of(counted, IntStream.range(0, counted.size()).toArray());
  }

  /**
   * The area and its bootstrap interval over the items that count.
   *
   * @return empty if none does
   */
  public static Optional<Bootstrap> interval(List<Item> items, long seed) {
    List<Item> counted = counted(items);
    return Bootstrap.interval(counted.size(), seed, drawn -> of(counted, drawn));
  }

  private static List<Item> counted(List<Item> items) {
    List<Item> begun = items.stream().filter(Item::begins).toList();
    var curves = curves(begun, IntStream.range(0, begun.size()).toArray());
    List<Item> counted = new ArrayList<>(begun);
    counted.removeIf(item -> !curves.containsKey(item.length));
    return counted;
  }

  private static OptionalDouble of(List<Item> items, int[] drawn) {
    double areas = 0;
    int n = 0;
    for (Curve curve : curves(items, drawn).values()) {
      areas += curve.items * curve.area();
      n += curve.items;
    }
    return n == 0 ? OptionalDouble.empty() : OptionalDouble.of(1 - areas / n);
  }

  /** The curves of the lengths that have one, by length. */
  private static Map<Integer, Curve> curves(List<Item> items, int[] drawn) {
    Map<Integer, Curve> curves = new TreeMap<>();
    for (int number : drawn) {
      Item item = items.get(number);
      curves.computeIfAbsent(item.length, Curve::new).add(item);
    }
    curves.values().removeIf(curve -> curve.most == 0);
    return curves;
  }

  /** The points of the items of one length. */
  private static final class Curve {
    private final int[] same;
    private final int[] all;
    private int items;
    private int most;

    Curve(int length) {
      same = new int[length + 1];
      all = new int[length + 1];
    }

    void add(Item item) {
      items++;
      for (Point point : item.points) {
        all[point.kept]++;
        same[point.kept] += point.same ? 1 : 0;
        most = Math.max(most, point.kept);
      }
    }

    double area() {
      double twice = 0;
      int before = 0;
      for (int kept = 1; kept <= most; kept++) {
        if (all[kept] > 0) {
          twice += (share(before) + share(kept)) * (kept - before);
          before = kept;
        }
      }
      return twice / (2.0 * most);
    }

    private double share(int kept) {
      return (double) same[kept] / all[kept];
    }
  }
}
