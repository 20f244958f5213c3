package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.engine.backend.QueryRows;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Gate;
import dev.palimpsest.engine.model.Router;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The operations of models with scaled streams, norms after a block's parts and canvases, against
 * loops in double precision.
 */
class CanvasOperationsTest {
  private static final double EPSILON = 1e-6;

  static Stream<Arguments> setupsAndSeeds() {
    return Setup.withSeeds(3);
  }

  private static void assertClose(float[][] found, double[][] expected, double tolerance) {
    assertThat(found).hasSameDimensionsAs(expected);
    for (int row = 0; row < found.length; row++) {
      for (int i = 0; i < found[row].length; i++) {
        assertThat((double) found[row][i])
            .as("row %d, column %d", row, i)
            .isCloseTo(expected[row][i], within(tolerance));
      }
    }
  }

  private static double gelu(double x) {
    return x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void aNormIsAddedAndRowsAreScaledByTheirKind(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = random.nextInt(1, 40);
    int width = random.nextInt(1, 200);
    float[][] x = Step.random(random, rows, width);
    float[][] sum = Step.random(random, rows, width);
    float[] gain = Step.random(random, 1, width)[0];
    float[] factors = {1.5f, -0.25f};
    int[] which = random.ints(rows, 0, 2).toArray();
    double[][] expected = new double[rows][width];
    for (int row = 0; row < rows; row++) {
      double squares = 0;
      for (float value : x[row]) {
        squares += (double) value * value;
      }
      for (int i = 0; i < width; i++) {
        double normed = x[row][i] / Math.sqrt(squares / width + EPSILON) * gain[i];
        expected[row][i] = (sum[row][i] + normed) * factors[which[row]];
      }
    }
    try (Step step = new Step(setup, 2)) {
      Activation to = step.put(sum);
      step.backend.addRmsNorm(step.put(x), step.vector(gain), EPSILON, to);
      step.backend.scale(to, step.vector(factors), which);
      assertClose(step.take(to), expected, 2e-5);
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void geGluGatesTheSecondHalfWithTheFirst(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = random.nextInt(1, 90);
    float[][] both = Step.random(random, random.nextInt(1, 40), 2 * width);
    both[0][0] = 60;
    both[both.length - 1][width - 1] = -60;
    double[][] expected = new double[both.length][width];
    for (int row = 0; row < both.length; row++) {
      for (int i = 0; i < width; i++) {
        expected[row][i] = gelu(both[row][i]) * both[row][width + i];
      }
    }
    try (Step step = new Step(setup, 2)) {
      Activation out = step.empty(both.length, width);
      step.backend.gated(Gate.TANH_GELU, step.put(both), out);
      assertClose(step.take(out), expected, 3e-5);
    }
  }

  /** Experts that another matrix chooses, with GELU gates and a scale each, into fresh memory. */
  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void expertsAreChosenByTheRouterInputAndScaled(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int hidden = 16 * random.nextInt(1, 6);
    int rows = random.nextInt(1, 60);
    Experts experts =
        new Experts(6, 2, random.nextInt(1, 40), new Router.ScaledSoftmax())
            .withGate(Gate.TANH_GELU);
    float[][] routed = Step.random(random, rows, hidden);
    float[][] x = Step.random(random, rows, hidden);
    float[][] router = Step.random(random, experts.count(), hidden);
    float[] scale = Step.random(random, 1, experts.count())[0];
    float[][] gateUp = small(random, experts.count() * 2 * experts.width(), hidden);
    float[][] down = small(random, experts.count() * hidden, experts.width());
    double[][] expected =
        experts(
            setup.multiplied(x),
            Reference.linear(routed, router),
            scale,
            experts,
            setup.stored(gateUp),
            setup.stored(down));
    try (Step step = new Step(setup, 2)) {
      Activation out = step.empty(rows, hidden);
      step.backend.experts(
          step.put(routed),
          step.put(x),
          step.exactWeight(router),
          experts,
          new ExpertWeights(
              Optional.empty(),
              Optional.of(step.vector(scale)),
              step.weight(gateUp),
              step.weight(down)),
          step.empty(rows, experts.perToken() * hidden),
          out);
      assertClose(step.take(out), expected, setup.precision() == Precision.BF16 ? 0.1 : 2e-5);
    }
  }

  private static float[][] small(SplittableRandom random, int rows, int columns) {
    float[][] values = Step.random(random, rows, columns);
    for (float[] row : values) {
      for (int i = 0; i < columns; i++) {
        row[i] /= (float) Math.sqrt(columns);
      }
    }
    return values;
  }

  private static double[][] experts(
      float[][] x,
      double[][] scores,
      float[] scale,
      Experts experts,
      float[][] gateUp,
      float[][] down) {
    int hidden = x[0].length;
    int width = experts.width();
    double[][] result = new double[x.length][hidden];
    for (int row = 0; row < x.length; row++) {
      double[] own = scores[row];
      int[] best =
          IntStream.range(0, experts.count())
              .boxed()
              .sorted((a, b) -> Double.compare(own[b], own[a]))
              .limit(experts.perToken())
              .mapToInt(Integer::intValue)
              .toArray();
      double sum = Arrays.stream(best).mapToDouble(expert -> Math.exp(own[expert])).sum();
      for (int expert : best) {
        float[][] up = Arrays.copyOfRange(gateUp, 2 * width * expert, 2 * width * (expert + 1));
        double[] both = Reference.linear(new float[][] {x[row]}, up)[0];
        for (int i = 0; i < hidden; i++) {
          double output = 0;
          for (int j = 0; j < width; j++) {
            output += gelu(both[j]) * both[width + j] * down[expert * hidden + i][j];
          }
          result[row][i] += Math.exp(own[expert]) / sum * scale[expert] * output;
        }
      }
    }
    return result;
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void cappedLogitsAreReducedDistributedAndWeighed(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = random.nextInt(1, 30);
    int hidden = 16 * random.nextInt(1, 6);
    int ids = random.nextInt(2, 400);
    double cap = 2.5;
    double temperature = 0.4 + random.nextDouble();
    float[][] x = Step.random(random, rows, hidden);
    float[][] head = small(random, ids, hidden);
    double[][] logits = Reference.linear(setup.multiplied(x), setup.stored(head));
    double[][] shares = new double[rows][ids];
    double[][] weighed = new double[rows][hidden];
    for (int row = 0; row < rows; row++) {
      double[] own = logits[row];
      for (int id = 0; id < ids; id++) {
        own[id] = cap * Math.tanh(own[id] / cap);
      }
      double sum = Arrays.stream(own).map(each -> Math.exp(each / temperature)).sum();
      for (int id = 0; id < ids; id++) {
        shares[row][id] = Math.exp(own[id] / temperature) / sum;
        for (int i = 0; i < hidden; i++) {
          weighed[row][i] += shares[row][id] * setup.stored(head)[id][i];
        }
      }
    }
    double tolerance = setup.precision() == Precision.BF16 ? 0x1p-7 : 2e-6;
    try (Step step = new Step(setup, 2)) {
      OptionalDouble capped = OptionalDouble.of(cap);
      Activation hiddenRows = step.put(x);
      Activation probabilities = step.empty(rows, ids);
      Activation out = step.empty(rows, hidden);
      var weight = step.weight(head);
      step.backend.distribution(hiddenRows, weight, capped, temperature, probabilities);
      step.backend.linear(probabilities, step.backend.transposed(weight), 0, out);
      assertClose(step.take(probabilities), shares, tolerance);
      assertClose(step.take(out), weighed, 4 * tolerance);
      List<RowDraw> draws = Collections.nCopies(rows, new RowDraw(Draw.GREEDY, 0));
      List<Prediction> predictions = step.backend.vocabulary(hiddenRows, weight, capped, draws);
      for (int row = 0; row < rows; row++) {
        double sum = Arrays.stream(logits[row]).map(Math::exp).sum();
        assertThat(predictions.get(row).logSumExp())
            .isCloseTo(Math.log(sum), within(100 * tolerance));
      }
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void aFewRowsOfATableAreAddedUpByTheirShares(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = random.nextInt(1, 20);
    int each = random.nextInt(1, 9);
    int hidden = random.nextInt(1, 70);
    float[][] table = Step.random(random, 40, hidden);
    float[][] stored = setup.stored(table);
    int[] ids = random.ints((long) rows * each, -1, table.length).toArray();
    float[] shares = Step.random(random, 1, ids.length)[0];
    double[][] expected = new double[rows][hidden];
    int[] first = new int[rows];
    for (int row = 0; row < rows; row++) {
      for (int at = row * each; at < (row + 1) * each; at++) {
        for (int i = 0; i < hidden && ids[at] >= 0; i++) {
          expected[row][i] += (double) shares[at] * stored[ids[at]][i];
        }
      }
      first[row] = Math.max(0, ids[row * each]);
    }
    float[] ones = new float[rows];
    Arrays.fill(ones, 1);
    try (Step step = new Step(setup, random.nextInt(1, 5))) {
      var weight = step.weight(table);
      Activation weighed = step.empty(rows, hidden);
      Activation alone = step.empty(rows, hidden);
      Activation plain = step.empty(rows, hidden);
      step.backend.embed(ids, shares, weight, weighed);
      step.backend.embed(first, ones, weight, alone);
      step.backend.embed(first, weight, plain);
      assertClose(step.take(weighed), expected, 1e-5);
      assertThat(step.take(alone)).isDeepEqualTo(step.take(plain));
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void rowsAreRestoredToWhereTheyAreNamed(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] x = Step.random(random, 4, 33);
    float[][] before = Step.random(random, 6, 33);
    float[][] expected = before.clone();
    expected[5] = x[0];
    expected[0] = x[3];
    try (Step step = new Step(setup, 1)) {
      KvLayer layer = step.backend.openKvLayer(300, 33);
      step.backend.cache(step.put(x), new int[] {0, 1, 2, 3}, layer, new int[] {270, 1, 2, 9});
      Activation out = step.put(before);
      step.backend.restore(layer, new int[] {270, 9}, new int[] {5, 0}, out);
      assertThat(step.take(out)).isDeepEqualTo(expected);
    }
  }

  /** Rows of a sequence may attend apart, with windows of their own, and the others stay. */
  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void partsOfSequencesAttendWithTheirOwnWindows(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[] starts = {0, random.nextInt(1, 60), random.nextInt(61, 400)};
    int rows = starts[2];
    float[][] q = Step.random(random, rows, 32);
    float[][] k = Step.random(random, rows, 16);
    float[][] v = Step.random(random, rows, 16);
    int[] cuts = {random.nextInt(starts[1] + 1), random.nextInt(starts[1], starts[2] + 1)};
    int[] limits = new int[rows];
    for (int i = 0; i < 2; i++) {
      for (int row = starts[i]; row < starts[i + 1]; row++) {
        limits[row] = (row < cuts[i] ? row + 1 : starts[i + 1]) - starts[i];
      }
    }
    int window = random.nextInt(1, 50);
    double[][] first = Reference.attention(q, k, v, 16, starts, starts, limits, window);
    double[][] second = Reference.attention(q, k, v, 16, starts, starts, limits, Backend.ALL_KEYS);
    double[][] expected = new double[rows][];
    for (int i = 0; i < 2; i++) {
      for (int row = starts[i]; row < starts[i + 1]; row++) {
        expected[row] = row < cuts[i] ? first[row] : second[row];
      }
    }
    try (Step step = new Step(setup, 2)) {
      Activation queries = step.put(q);
      Activation keys = step.put(k);
      Activation values = step.put(v);
      Activation out = step.empty(rows, 32);
      QueryRows preceding = new QueryRows(new int[] {0, starts[1]}, cuts);
      QueryRows rest = new QueryRows(cuts, new int[] {starts[1], starts[2]});
      step.backend.attention(queries, keys, values, 16, preceding, starts, limits, window, out);
      step.backend.attention(
          queries, keys, values, 16, rest, starts, limits, Backend.ALL_KEYS, out);
      assertClose(step.take(out), expected, 1e-5);
    }
  }
}
