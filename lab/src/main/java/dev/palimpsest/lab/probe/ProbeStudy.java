package dev.palimpsest.lab.probe;

import dev.palimpsest.lab.measure.Auroc;
import dev.palimpsest.lab.measure.Bootstrap;
import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.step.Philox;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.ToDoubleBiFunction;
import java.util.stream.IntStream;

/**
 * Linear probes of every block at every point of a run, trained on one split and tried on the
 * other. {@code docs/measures.md} defines the numbers.
 *
 * @param trained items of the split that they are trained on
 * @param tried items of the other
 * @param labels all of them, ascending
 * @param cells of every block, one a point
 * @param emergence of every block, the first point from which on it is above chance
 * @param lead of every block that has an emergence, the mean of the steps from there until the
 *     answer stood
 * @param steps the mean step of every point
 * @param compute the mean FLOP up to every point
 */
public record ProbeStudy(
    int trained,
    int tried,
    List<String> labels,
    List<List<Cell>> cells,
    List<OptionalInt> emergence,
    List<OptionalDouble> lead,
    double[] steps,
    double[] compute) {
  /** How the labels of the control are shuffled; the step is the shuffle, the position 0. */
  private static final Philox.Purpose SHUFFLE = new Philox.Purpose(17);

  /** Every how manieth problem is kept for trying. */
  private static final int KEPT = 3;

  /**
   * A block at a point.
   *
   * @param auroc with its bootstrap interval over the items
   * @param control the same of probes that were trained with shuffled labels
   */
  public record Cell(Optional<Estimate> auroc, Optional<Control> control) {}

  /**
   * What shuffled labels give.
   *
   * @param mean of the areas
   * @param deviation of the areas, with one less than their number below the squares
   * @param p (1 + how many of them are no less than the real one) / (1 + their number)
   */
  public record Control(double mean, double deviation, double p) {
    static Control of(double[] areas, double real) {
      double mean = Arrays.stream(areas).average().orElseThrow();
      double squares = Arrays.stream(areas).map(each -> (each - mean) * (each - mean)).sum();
      double noLess = Arrays.stream(areas).filter(each -> each >= real).count();
      return new Control(
          mean, Math.sqrt(squares / (areas.length - 1)), (1 + noLess) / (1 + areas.length));
    }
  }

  /**
   * Refuses labels that no probe can be fitted to.
   *
   * @param problems of each item, in the items' order
   * @param labels of each item
   * @throws IllegalArgumentException if a split lacks items, or there is one label alone
   */
  public static void requireLabels(List<String> problems, List<String> labels) {
    boolean[] tried = tried(problems);
    int test = 0;
    Set<String> told = new TreeSet<>();
    for (int item = 0; item < tried.length; item++) {
      if (tried[item]) {
        test++;
      } else {
        told.add(labels.get(item));
      }
    }
    int train = tried.length - test;
    String items = "%d items to train with and %d to try".formatted(train, test);
    if (train < 2 || test < 2) {
      throw new IllegalArgumentException(
          items + ": linear probes need two of each, and more to say something");
    }
    if (told.size() < 2) {
      throw new IllegalArgumentException(
          "%s, with one label, %s: linear probes need two"
              .formatted(items, told.iterator().next()));
    }
  }

  /** Every third problem, in the order in which they first occur, is kept for trying. */
  private static boolean[] tried(List<String> problems) {
    List<String> distinct = problems.stream().distinct().toList();
    boolean[] tried = new boolean[problems.size()];
    for (int item = 0; item < tried.length; item++) {
      tried[item] = distinct.indexOf(problems.get(item)) % KEPT == KEPT - 1;
    }
    return tried;
  }

  /**
   * Trains and tries.
   *
   * @param items with as many points and blocks each; the problems are split in the order in which
   *     they first occur, every third one being tried
   * @param shuffles of the labels, for the control; at least two
   * @throws IllegalArgumentException if a split lacks items, or there is one label alone
   */
  public static ProbeStudy of(List<ProbeItem> items, long seed, int shuffles) {
    List<String> problems = items.stream().map(ProbeItem::problem).toList();
    requireLabels(problems, items.stream().map(ProbeItem::label).toList());
    boolean[] tried = tried(problems);
    List<ProbeItem> train = new ArrayList<>();
    List<ProbeItem> test = new ArrayList<>();
    for (int item = 0; item < tried.length; item++) {
      (tried[item] ? test : train).add(items.get(item));
    }
    List<String> labels = List.copyOf(new TreeSet<>(train.stream().map(ProbeItem::label).toList()));
    int points = items.getFirst().steps().length;
    int blocks = items.getFirst().activations()[0].length;
    double[][] targets = targets(train, labels);
    double[][] truth = targets(test, labels);
    List<double[][]> shuffled =
        IntStream.range(0, shuffles).mapToObj(each -> shuffled(targets, seed, each)).toList();
    List<List<Cell>> cells = new ArrayList<>();
    List<OptionalInt> emergence = new ArrayList<>();
    List<OptionalDouble> lead = new ArrayList<>();
    for (int block = 0; block < blocks; block++) {
      List<Cell> row = new ArrayList<>();
      for (int point = 0; point < points; point++) {
        LinearProbe probe = LinearProbe.of(at(train, point, block), at(test, point, block));
        row.add(cell(probe, targets, shuffled, truth, seed));
      }
      cells.add(row);
      OptionalInt first = emergence(row);
      emergence.add(first);
      lead.add(first.isPresent() ? lead(test, first.getAsInt()) : OptionalDouble.empty());
    }
    return new ProbeStudy(
        train.size(),
        test.size(),
        labels,
        cells,
        emergence,
        lead,
        means(items, points, (item, point) -> item.steps()[point]),
        means(items, points, (item, point) -> item.compute()[point]));
  }

  private static double[] means(
      List<ProbeItem> items, int points, ToDoubleBiFunction<ProbeItem, Integer> number) {
    return IntStream.range(0, points)
        .mapToDouble(
            point ->
                items.stream()
                    .mapToDouble(each -> number.applyAsDouble(each, point))
                    .average()
                    .orElse(0))
        .toArray();
  }

  /** Of two labels the second alone is told from the other; of more, each from all others. */
  private static double[][] targets(List<ProbeItem> items, List<String> labels) {
    List<String> told = labels.size() == 2 ? labels.subList(1, 2) : labels;
    return told.stream()
        .map(
            label ->
                items.stream().mapToDouble(each -> each.label().equals(label) ? 1 : -1).toArray())
        .toArray(double[][]::new);
  }

  /** All targets in one other order of the items, that of Fisher and Yates from the right. */
  private static double[][] shuffled(double[][] targets, long seed, int shuffle) {
    int n = targets[0].length;
    int[] order = IntStream.range(0, n).toArray();
    int[] words = new int[4];
    for (int i = n - 1; i > 0; i--) {
      Philox.block(seed, shuffle, 0, SHUFFLE, i, words);
      int j = (int) ((Integer.toUnsignedLong(words[0]) * (i + 1)) >>> 32);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return Arrays.stream(targets)
        .map(each -> Arrays.stream(order).mapToDouble(i -> each[i]).toArray())
        .toArray(double[][]::new);
  }

  private static List<float[]> at(List<ProbeItem> items, int point, int block) {
    return items.stream().map(each -> each.activations()[point][block]).toList();
  }

  private static Cell cell(
      LinearProbe probe,
      double[][] targets,
      List<double[][]> shuffled,
      double[][] truth,
      long seed) {
    int tried = truth[0].length;
    double[][] scores = scores(probe, targets);
    Optional<Estimate> auroc =
        Bootstrap.interval(tried, seed, drawn -> area(scores, truth, drawn))
            .map(Bootstrap::estimate);
    int[] all = IntStream.range(0, tried).toArray();
    double[] areas =
        shuffled.stream()
            .map(each -> area(scores(probe, each), truth, all))
            .flatMapToDouble(OptionalDouble::stream)
            .toArray();
    return new Cell(auroc, auroc.map(real -> Control.of(areas, real.value())));
  }

  private static double[][] scores(LinearProbe probe, double[][] targets) {
    return Arrays.stream(targets).map(probe::scores).toArray(double[][]::new);
  }

  /** The mean area over the maps that have both kinds among the items. */
  private static OptionalDouble area(double[][] scores, double[][] truth, int[] items) {
    double sum = 0;
    int defined = 0;
    for (int map = 0; map < scores.length; map++) {
      double[] own = new double[items.length];
      boolean[] positive = new boolean[items.length];
      for (int i = 0; i < items.length; i++) {
        own[i] = scores[map][items[i]];
        positive[i] = truth[map][items[i]] > 0;
      }
      OptionalDouble area = Auroc.of(own, positive);
      if (area.isPresent()) {
        sum += area.getAsDouble();
        defined++;
      }
    }
    return defined == 0 ? OptionalDouble.empty() : OptionalDouble.of(sum / defined);
  }

  private static OptionalInt emergence(List<Cell> points) {
    int from = points.size();
    while (from > 0 && isAboveChance(points.get(from - 1))) {
      from--;
    }
    return from < points.size() ? OptionalInt.of(from) : OptionalInt.empty();
  }

  private static boolean isAboveChance(Cell cell) {
    return cell.auroc()
        .map(each -> each.interval().map(Estimate.Interval::low).orElse(each.value()) > 0.5)
        .orElse(false);
  }

  private static OptionalDouble lead(List<ProbeItem> items, int point) {
    return items.stream()
        .filter(each -> each.committed().isPresent())
        .mapToInt(each -> each.committed().getAsInt() - each.steps()[point])
        .average();
  }
}
