package dev.palimpsest.lab.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.lab.measure.Estimate;
import dev.palimpsest.step.Philox;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ProbeStudyTest {
  /** A label is in the second block from the third of four points on, in one direction of six. */
  private static List<ProbeItem> items(long seed, int count, IntFunction<String> label) {
    SplittableRandom random = new SplittableRandom(seed);
    List<ProbeItem> items = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int drawn = random.nextInt(100);
      float[][][] activations = new float[4][2][6];
      for (int point = 0; point < 4; point++) {
        for (int block = 0; block < 2; block++) {
          for (int d = 0; d < 6; d++) {
            activations[point][block][d] = (float) random.nextGaussian();
          }
          if (block == 1 && point >= 2) {
            activations[point][block][4] += 4f * Integer.parseInt(label.apply(drawn));
          }
        }
      }
      items.add(
          new ProbeItem(
              "problem " + i,
              label.apply(drawn),
              new int[] {0, 5, 10, 15},
              new double[] {1, 2, 3, 4},
              OptionalInt.of(14),
              activations));
    }
    return items;
  }

  @Test
  void whatIsThereIsFoundWhereAndWhenItIs() {
    ProbeStudy study = ProbeStudy.of(items(1, 150, drawn -> String.valueOf(drawn % 2)), 7, 20);
    assertThat(study.trained()).isEqualTo(100);
    assertThat(study.tried()).isEqualTo(50);
    assertThat(study.cells().get(1).get(3).auroc().orElseThrow().value()).isGreaterThan(0.95);
    assertThat(study.cells().get(1).get(1).auroc().orElseThrow().value()).isBetween(0.25, 0.75);
    assertThat(study.cells().get(0).get(3).auroc().orElseThrow().value()).isBetween(0.25, 0.75);
    assertThat(study.emergence().get(1)).hasValue(2);
    assertThat(study.lead().get(1)).hasValue(4);
    assertThat(study.steps()).containsExactly(0, 5, 10, 15);
    assertThat(study.compute()).containsExactly(1, 2, 3, 4);
  }

  @Test
  void manyLabelsAreEachToldFromAllOthers() {
    ProbeStudy study = ProbeStudy.of(items(2, 180, drawn -> String.valueOf(drawn % 3)), 7, 20);
    assertThat(study.labels()).containsExactly("0", "1", "2");
    // The middle one of three along a line cannot be told from both sides by one linear map.
    assertThat(study.cells().get(1).get(2).auroc().orElseThrow().value()).isBetween(0.7, 0.95);
  }

  /**
   * Scores of the tried items by the normal equations of the primal form, (Zᵀ Z + λ d I) w = Zᵀ (y
   * - ȳ), solved by elimination.
   */
  private static double[] primal(List<float[]> rows, double[] targets, List<float[]> tried) {
    int n = rows.size();
    int d = rows.getFirst().length;
    double[] means = new double[d];
    double[] deviations = new double[d];
    double[][] z = new double[n][d];
    double trace = 0;
    for (int j = 0; j < d; j++) {
      for (float[] row : rows) {
        means[j] += row[j] / (double) n;
      }
      double square = 0;
      for (float[] row : rows) {
        square += Math.pow(row[j] - means[j], 2) / n;
      }
      deviations[j] = Math.sqrt(square);
      for (int i = 0; i < n; i++) {
        z[i][j] = (rows.get(i)[j] - means[j]) / deviations[j];
        trace += z[i][j] * z[i][j] / d;
      }
    }
    double mean = 0;
    for (double target : targets) {
      mean += target / n;
    }
    double[][] system = new double[d][d + 1];
    for (int a = 0; a < d; a++) {
      for (int i = 0; i < n; i++) {
        for (int b = 0; b < d; b++) {
          system[a][b] += z[i][a] * z[i][b];
        }
        system[a][d] += z[i][a] * (targets[i] - mean);
      }
      system[a][a] += trace / n * d;
    }
    for (int a = 0; a < d; a++) {
      for (int b = 0; b < d; b++) {
        double factor = b == a ? 0 : system[b][a] / system[a][a];
        for (int c = 0; c <= d; c++) {
          system[b][c] -= factor * system[a][c];
        }
      }
    }
    double[] scores = new double[tried.size()];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = mean;
      for (int j = 0; j < d; j++) {
        scores[i] += (tried.get(i)[j] - means[j]) / deviations[j] * system[j][d] / system[j][j];
      }
    }
    return scores;
  }

  /** The share of pairs that are told apart in the right order. */
  private static double area(double[] scores, List<ProbeItem> items) {
    double right = 0;
    int pairs = 0;
    for (int i = 0; i < scores.length; i++) {
      for (int j = 0; j < scores.length; j++) {
        if (items.get(i).label().equals("1") && items.get(j).label().equals("0")) {
          pairs++;
          right += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
        }
      }
    }
    return right / pairs;
  }

  /** Every shuffle anew from the definition in {@code docs/measures.md}. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {3, 4, (5L << 32) + 6})
  void theControlIsThatOfEveryShuffleOnItsOwn(long seed) {
    int shuffles = 40;
    List<ProbeItem> items = items(seed, 45, drawn -> String.valueOf(drawn % 2));
    ProbeStudy study = ProbeStudy.of(items, seed, shuffles);
    List<ProbeItem> train = new ArrayList<>();
    List<ProbeItem> test = new ArrayList<>();
    for (int item = 0; item < items.size(); item++) {
      (item % 3 == 2 ? test : train).add(items.get(item));
    }
    for (int block = 0; block < 2; block++) {
      for (int point : new int[] {1, 3}) {
        int there = block;
        List<float[]> rows = train.stream().map(each -> each.activations()[point][there]).toList();
        List<float[]> tried = test.stream().map(each -> each.activations()[point][there]).toList();
        double[] labels =
            train.stream().mapToDouble(each -> each.label().equals("1") ? 1 : -1).toArray();
        double real = area(primal(rows, labels, tried), test);
        double sum = 0;
        double squares = 0;
        int noLess = 0;
        for (int shuffle = 0; shuffle < shuffles; shuffle++) {
          double[] shuffled = labels.clone();
          for (int i = shuffled.length - 1; i > 0; i--) {
            int[] words = new int[4];
            Philox.block(i, 0, shuffle, 17, (int) seed, (int) (seed >>> 32), words);
            int with = (int) ((Integer.toUnsignedLong(words[0]) * (i + 1)) >> 32);
            double moved = shuffled[i];
            shuffled[i] = shuffled[with];
            shuffled[with] = moved;
          }
          double area = area(primal(rows, shuffled, tried), test);
          sum += area;
          squares += area * area;
          noLess += area >= real ? 1 : 0;
        }
        ProbeStudy.Cell cell = study.cells().get(block).get(point);
        ProbeStudy.Control control = cell.control().orElseThrow();
        assertThat(cell.auroc().orElseThrow().value()).isCloseTo(real, within(1e-12));
        assertThat(control.mean()).isCloseTo(sum / shuffles, within(1e-12));
        assertThat(control.deviation())
            .isCloseTo(Math.sqrt((squares - sum * sum / shuffles) / (shuffles - 1)), within(1e-9));
        assertThat(control.p()).isCloseTo((1.0 + noLess) / (1 + shuffles), within(1e-12));
      }
    }
  }

  @Test
  void whatIsThereIsAboveAllShufflesAndTheyAreAtChance() {
    ProbeStudy study = ProbeStudy.of(items(1, 150, drawn -> String.valueOf(drawn % 2)), 7, 200);
    ProbeStudy.Control there = study.cells().get(1).get(3).control().orElseThrow();
    assertThat(there.p()).isEqualTo(1.0 / 201);
    assertThat(there.mean()).isCloseTo(0.5, within(0.05));
    assertThat(study.cells().get(0).get(3).control().orElseThrow().p()).isGreaterThan(0.05);
  }

  /** Against the normal equations of the primal form, solved by elimination. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3})
  void theRidgeIsThatOfTheNormalEquations(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int n = 3 + random.nextInt(9);
    int d = 2 + random.nextInt(5);
    List<float[]> rows = new ArrayList<>();
    double[] targets = new double[n];
    for (int i = 0; i < n; i++) {
      float[] row = new float[d];
      for (int j = 0; j < d; j++) {
        row[j] = (float) (random.nextGaussian() * (j + 1) + j);
      }
      rows.add(row);
      targets[i] = random.nextBoolean() ? 1 : -1;
    }
    double[] scores = LinearProbe.of(rows, rows).scores(targets);
    double[] expected = primal(rows, targets, rows);
    for (int i = 0; i < n; i++) {
      assertThat(scores[i]).isCloseTo(expected[i], within(1e-6));
    }
  }

  @Test
  void tooFewItemsAreRefused() {
    assertThatThrownBy(() -> ProbeStudy.of(items(1, 4, _ -> "1"), 0, 20))
        .hasMessage(
            "3 items to train with and 1 to try: linear probes need two of each, and more to say"
                + " something");
    assertThatThrownBy(() -> ProbeStudy.of(items(1, 9, _ -> "1"), 0, 20))
        .hasMessage(
            "6 items to train with and 3 to try, with one label, 1: linear probes need two");
  }

  @Test
  void anEstimateHasAnInterval() {
    ProbeStudy study = ProbeStudy.of(items(3, 60, drawn -> String.valueOf(drawn % 2)), 7, 20);
    Estimate found = study.cells().get(1).get(1).auroc().orElseThrow();
    assertThat(found.n()).isEqualTo(20);
    assertThat(found.interval().orElseThrow().low()).isLessThan(found.value());
  }
}
