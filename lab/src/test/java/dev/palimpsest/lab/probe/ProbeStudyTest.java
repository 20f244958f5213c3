package dev.palimpsest.lab.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.lab.measure.Estimate;
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
    ProbeStudy study = ProbeStudy.of(items(1, 150, drawn -> String.valueOf(drawn % 2)), 7);
    assertThat(study.trained()).isEqualTo(100);
    assertThat(study.tried()).isEqualTo(50);
    assertThat(study.cells().get(1).get(3).auroc().orElseThrow().value()).isGreaterThan(0.95);
    assertThat(study.cells().get(1).get(1).auroc().orElseThrow().value()).isBetween(0.25, 0.75);
    assertThat(study.cells().get(0).get(3).auroc().orElseThrow().value()).isBetween(0.25, 0.75);
    assertThat(study.emergence().get(1)).hasValue(2);
    assertThat(study.lead().get(1)).hasValue(4);
    assertThat(study.compute()).containsExactly(1, 2, 3, 4);
  }

  @Test
  void manyLabelsAreEachToldFromAllOthers() {
    ProbeStudy study = ProbeStudy.of(items(2, 180, drawn -> String.valueOf(drawn % 3)), 7);
    assertThat(study.labels()).containsExactly("0", "1", "2");
    // The middle one of three along a line cannot be told from both sides by one linear map.
    assertThat(study.cells().get(1).get(2).auroc().orElseThrow().value()).isBetween(0.7, 0.95);
  }

  /** Over many seeds, shuffled labels are worth nothing. */
  @Test
  void shuffledLabelsAreAtChance() {
    double sum = 0;
    for (long seed = 0; seed < 12; seed++) {
      ProbeStudy study = ProbeStudy.of(items(seed, 90, drawn -> String.valueOf(drawn % 2)), seed);
      sum += study.cells().get(1).get(3).shuffled().orElseThrow().value() / 12;
    }
    assertThat(sum).isCloseTo(0.5, within(0.2));
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
    LinearProbe probe = LinearProbe.fit(rows, new double[][] {targets});
    double[][] z = new double[n][d];
    double trace = 0;
    for (int j = 0; j < d; j++) {
      double mean = 0;
      double square = 0;
      for (float[] row : rows) {
        mean += row[j] / (double) n;
      }
      for (float[] row : rows) {
        square += Math.pow(row[j] - mean, 2) / n;
      }
      for (int i = 0; i < n; i++) {
        z[i][j] = (rows.get(i)[j] - mean) / Math.sqrt(square);
        trace += z[i][j] * z[i][j] / d;
      }
    }
    double mean = 0;
    for (double target : targets) {
      mean += target / n;
    }
    // (Zᵀ Z + λ d I) w = Zᵀ (y - ȳ)
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
    for (int i = 0; i < n; i++) {
      double expected = mean;
      for (int j = 0; j < d; j++) {
        expected += z[i][j] * system[j][d] / system[j][j];
      }
      assertThat(probe.score(0, rows.get(i))).isCloseTo(expected, within(1e-6));
    }
  }

  @Test
  void tooFewItemsAreRefused() {
    assertThatThrownBy(() -> ProbeStudy.of(items(1, 4, _ -> "1"), 0))
        .hasMessage(
            "3 items to train with and 1 to try, with 1 labels: linear probes need two of each,"
                + " and more to say something");
  }

  @Test
  void anEstimateHasAnInterval() {
    ProbeStudy study = ProbeStudy.of(items(3, 60, drawn -> String.valueOf(drawn % 2)), 7);
    Estimate found = study.cells().get(1).get(1).auroc().orElseThrow();
    assertThat(found.n()).isEqualTo(20);
    assertThat(found.interval().orElseThrow().low()).isLessThan(found.value());
  }
}
