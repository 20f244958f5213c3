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
import java.util.TreeSet;
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
 * @param compute the mean FLOP up to every point
 */
public record ProbeStudy(
    int trained,
    int tried,
    List<String> labels,
    List<List<Cell>> cells,
    List<OptionalInt> emergence,
    List<OptionalDouble> lead,
    double[] compute) {
  /** How the labels of the control are shuffled; the position and the step are 0. */
  private static final Philox.Purpose SHUFFLE = new Philox.Purpose(17);

  /** Every how manieth problem is kept for trying. */
  private static final int KEPT = 3;

  /**
   * A block at a point.
   *
   * @param auroc with its bootstrap interval over the items
   * @param shuffled the same of probes that were trained with shuffled labels
   */
  public record Cell(Optional<Estimate> auroc, Optional<Estimate> shuffled) {}

  /**
   * Trains and tries.
   *
   * @param items with as many points and blocks each; the problems are split in the order in which
   *     they first occur, every third one being tried
   * @throws IllegalArgumentException if a split lacks items, or there is one label alone
   */
  public static ProbeStudy of(List<ProbeItem> items, long seed) {
    List<String> problems = items.stream().map(ProbeItem::problem).distinct().toList();
    List<ProbeItem> train = new ArrayList<>();
    List<ProbeItem> test = new ArrayList<>();
    for (ProbeItem item : items) {
      (problems.indexOf(item.problem()) % KEPT == KEPT - 1 ? test : train).add(item);
    }
    List<String> labels = List.copyOf(new TreeSet<>(train.stream().map(ProbeItem::label).toList()));
    if (train.size() < 2 || test.size() < 2 || labels.size() < 2) {
      throw new IllegalArgumentException(
          "%d items to train with and %d to try, with %d labels: linear probes need two of each, and more to say something"
              .formatted(train.size(), test.size(), labels.size()));
    }
    int points = items.getFirst().steps().length;
    int blocks = items.getFirst().activations()[0].length;
    double[][] targets = targets(train, labels);
    double[][] control = shuffled(targets, seed);
    List<List<Cell>> cells = new ArrayList<>();
    List<OptionalInt> emergence = new ArrayList<>();
    List<OptionalDouble> lead = new ArrayList<>();
    for (int block = 0; block < blocks; block++) {
      List<Cell> row = new ArrayList<>();
      for (int point = 0; point < points; point++) {
        row.add(
            new Cell(
                auroc(train, test, targets, labels, block, point, seed),
                auroc(train, test, control, labels, block, point, seed)));
      }
      cells.add(row);
      OptionalInt first = emergence(row);
      emergence.add(first);
      lead.add(first.isPresent() ? lead(test, first.getAsInt()) : OptionalDouble.empty());
    }
    double[] compute = new double[points];
    for (int point = 0; point < points; point++) {
      int at = point;
      compute[point] = items.stream().mapToDouble(each -> each.compute()[at]).average().orElse(0);
    }
    return new ProbeStudy(train.size(), test.size(), labels, cells, emergence, lead, compute);
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
  private static double[][] shuffled(double[][] targets, long seed) {
    int n = targets[0].length;
    int[] order = IntStream.range(0, n).toArray();
    int[] words = new int[4];
    for (int i = n - 1; i > 0; i--) {
      Philox.block(seed, 0, 0, SHUFFLE, i, words);
      int j = (int) ((Integer.toUnsignedLong(words[0]) * (i + 1)) >>> 32);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return Arrays.stream(targets)
        .map(each -> Arrays.stream(order).mapToDouble(i -> each[i]).toArray())
        .toArray(double[][]::new);
  }

  private static Optional<Estimate> auroc(
      List<ProbeItem> train,
      List<ProbeItem> test,
      double[][] targets,
      List<String> labels,
      int block,
      int point,
      long seed) {
    LinearProbe probe =
        LinearProbe.fit(
            train.stream().map(each -> each.activations()[point][block]).toList(), targets);
    double[][] truth = targets(test, labels);
    double[][] scores = new double[truth.length][test.size()];
    for (int map = 0; map < truth.length; map++) {
      for (int i = 0; i < test.size(); i++) {
        scores[map][i] = probe.score(map, test.get(i).activations()[point][block]);
      }
    }
    return Bootstrap.interval(test.size(), seed, drawn -> area(scores, truth, drawn))
        .map(Bootstrap::estimate);
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
