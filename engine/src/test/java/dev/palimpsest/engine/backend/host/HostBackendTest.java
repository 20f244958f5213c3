package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Router;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every operation against plain loops in double precision, over shapes with ragged tails. */
class HostBackendTest {
  private static final int SEEDS = 3;
  private static final int MOST_ROWS = 70;
  private static final int[] CORNERS = {
    1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 257
  };

  static Stream<Arguments> setupsAndSeeds() {
    return Setup.withSeeds(SEEDS);
  }

  private static int rows(SplittableRandom random) {
    return random.nextInt(1, MOST_ROWS + 1);
  }

  private static int width(SplittableRandom random) {
    return random.nextInt(3) == 0
        ? random.nextInt(1, 300)
        : CORNERS[random.nextInt(CORNERS.length)];
  }

  private static int[] tokens(SplittableRandom random, int count, int bound) {
    return random.ints(count, 0, bound).toArray();
  }

  private static void assertClose(
      float[][] found, double[][] expected, IntToDoubleFunction tolerance) {
    assertThat(found).hasSameDimensionsAs(expected);
    for (int row = 0; row < found.length; row++) {
      for (int i = 0; i < found[row].length; i++) {
        double difference = Math.abs(found[row][i] - expected[row][i]);
        if (!(difference <= tolerance.applyAsDouble(row))) {
          assertThat((double) found[row][i])
              .as("row %d of %d, column %d of %d", row, found.length, i, found[row].length)
              .isCloseTo(expected[row][i], within(tolerance.applyAsDouble(row)));
        }
      }
    }
  }

  private static IntToDoubleFunction share(double share, double[][] expected) {
    return row -> share * Arrays.stream(expected[row]).map(Math::abs).max().orElseThrow();
  }

  /** What is in {@code outer} left and right of the columns that an operation was told to write. */
  private static void assertUntouched(Step step, Activation outer, int first, int count) {
    float[][] values = step.take(outer);
    for (float[] row : values) {
      for (int i = 0; i < row.length; i++) {
        if (i < first || i >= first + count) {
          assertThat(row[i]).isNaN();
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void embeddingCopiesTheRowsOfTheTokens(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] weight = Step.random(random, random.nextInt(1, 400), width(random));
    int[] tokens = tokens(random, rows(random), weight.length);
    float[][] held = setup.stored(weight);
    try (Step step = new Step(setup, 2)) {
      Activation out = step.empty(tokens.length, weight[0].length);
      step.backend.embed(tokens, step.weight(weight), out);
      float[][] found = step.take(out);
      for (int row = 0; row < tokens.length; row++) {
        assertThat(found[row]).containsExactly(held[tokens[row]]);
      }
      float[][] fromTable = step.take(step.put(step.table(weight), tokens));
      for (int row = 0; row < tokens.length; row++) {
        assertThat(fromTable[row]).containsExactly(weight[tokens[row]]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void rmsNormDividesByTheRootMeanSquare(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = width(random);
    float[][] x = Step.random(random, rows(random), width);
    Arrays.fill(x[0], 0);
    float[] gain = Step.random(random, 1, width)[0];
    double epsilon = random.nextBoolean() ? 1e-5 : 1e-6;
    double[][] expected = Reference.rmsNorm(x, gain, epsilon);
    try (Step step = new Step(setup, 2)) {
      Weight gains = step.vector(gain);
      Activation in = step.put(x);
      Activation out = step.empty(x.length, width);
      step.backend.rmsNorm(in, gains, epsilon, out);
      assertClose(step.take(out), expected, share(1e-6, expected));
      step.backend.rmsNorm(in, gains, epsilon, in);
      assertThat(step.take(in)).as("in place").isDeepEqualTo(step.take(out));
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void aLinearLayerMultipliesByTheTransposedRowsAskedFor(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = width(random);
    int before = random.nextInt(40);
    int outputs = width(random);
    float[][] x = Step.random(random, rows(random), width);
    float[][] w = Step.random(random, before + outputs + random.nextInt(40), width);
    assertLinear(setup, random, x, w, before, outputs);
  }

  @ParameterizedTest
  @MethodSource("dev.palimpsest.engine.backend.host.Setup#all")
  void aLongSumIsMultipliedChainByChain(Setup setup) {
    SplittableRandom random = new SplittableRandom(0);
    for (int width : new int[] {1025, 2000, 4096, 9000}) {
      float[][] x = Step.random(random, 5, width);
      float[][] w = Step.random(random, 75, width);
      assertLinear(setup, random, x, w, 3, 70);
    }
  }

  private static void assertLinear(
      Setup setup, SplittableRandom random, float[][] x, float[][] w, int firstRow, int outputs) {
    float[][] multiplied = setup.multiplied(x);
    float[][] used = Arrays.copyOfRange(setup.stored(w), firstRow, firstRow + outputs);
    double[][] expected = Reference.linear(multiplied, used);
    try (Step step = new Step(setup, 2)) {
      int first = random.nextInt(20);
      Activation outer = step.empty(x.length, first + outputs + random.nextInt(20));
      Activation out = outer.columns(first, outputs);
      step.backend.linear(step.put(x), step.weight(w), firstRow, out);
      assertClose(
          step.take(out), expected, row -> 1e-6 * Reference.productScale(multiplied[row], used));
      assertUntouched(step, outer, first, outputs);
      float[][] sums = step.take(out);
      float[] bias = Step.random(random, 1, w.length)[0];
      int cut = random.nextInt(1, w.length);
      Weight stacked =
          step.vector(Arrays.copyOfRange(bias, 0, cut), Arrays.copyOfRange(bias, cut, w.length));
      step.backend.linear(step.put(x), step.weight(w), stacked, firstRow, out);
      for (float[] row : sums) {
        for (int i = 0; i < outputs; i++) {
          row[i] += bias[firstRow + i];
        }
      }
      assertThat(step.take(out)).isDeepEqualTo(sums);
      assertUntouched(step, outer, first, outputs);
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void aLinearLayerCanAddToWhatIsThere(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = width(random);
    float[][] x = Step.random(random, rows(random), width);
    float[][] w = Step.random(random, width(random), width);
    float[][] before = Step.random(random, x.length, w.length);
    float[][] multiplied = setup.multiplied(x);
    float[][] used = setup.stored(w);
    double[][] expected = Reference.linear(multiplied, used);
    for (int row = 0; row < x.length; row++) {
      for (int i = 0; i < w.length; i++) {
        expected[row][i] += before[row][i];
      }
    }
    try (Step step = new Step(setup, 3)) {
      Activation sum = step.put(before);
      step.backend.addLinear(step.put(x), step.weight(w), sum);
      assertClose(
          step.take(sum),
          expected,
          row -> 1e-6 * (4 + Reference.productScale(multiplied[row], used)));
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void aStackOfTensorsIsOneWeight(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = width(random);
    float[][] upper = Step.random(random, width(random), width);
    float[][] lower = Step.random(random, width(random), width);
    float[][] both =
        Stream.concat(Arrays.stream(upper), Arrays.stream(lower)).toArray(float[][]::new);
    float[][] x = Step.random(random, 3, width);
    try (Step step = new Step(setup, 1)) {
      Weight stacked = step.weights(upper, lower);
      assertThat(stacked.rows()).isEqualTo(both.length);
      assertThat(stacked.columns()).isEqualTo(width);
      Activation in = step.put(x);
      Activation one = step.empty(3, both.length);
      Activation other = step.empty(3, both.length);
      step.backend.linear(in, stacked, 0, one);
      step.backend.linear(in, step.weight(both), 0, other);
      assertThat(step.take(one)).isDeepEqualTo(step.take(other));
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void rotationTurnsTheHalvesOfEveryHead(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int headSize = 2 * random.nextInt(1, 40);
    int width = headSize * random.nextInt(1, 5);
    int offset = random.nextInt(20);
    float[][] outer = Step.random(random, rows(random), offset + width + random.nextInt(20));
    float[][] x = new float[outer.length][];
    Arrays.setAll(x, row -> Arrays.copyOfRange(outer[row], offset, offset + width));
    float[][] table = Step.random(random, 50, headSize);
    int[] positions = tokens(random, x.length, table.length);
    double[][] expected = Reference.rotate(x, headSize, positions, table);
    try (Step step = new Step(setup, 2)) {
      Activation all = step.put(outer);
      step.backend.rotate(all.columns(offset, width), headSize, positions, step.table(table));
      assertClose(step.take(all.columns(offset, width)), expected, share(1e-6, expected));
      float[][] found = step.take(all);
      for (int row = 0; row < x.length; row++) {
        System.arraycopy(outer[row], offset, found[row], offset, width);
      }
      assertThat(found).as("the other columns").isDeepEqualTo(outer);
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void attentionIsTheSoftmaxOverTheKeysOfTheOwnSequenceThatAQuerySees(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int headSize = 2 * random.nextInt(1, 24);
    int keyHeads = random.nextInt(1, 4);
    int heads = keyHeads * random.nextInt(1, 4);
    int sequences = random.nextInt(1, 6);
    int[] queryStarts = new int[sequences + 1];
    int[] keyStarts = new int[sequences + 1];
    for (int i = 0; i < sequences; i++) {
      int keys = random.nextInt(4) == 0 ? random.nextInt(120, 300) : random.nextInt(1, 60);
      int queries =
          switch (random.nextInt(3)) {
            case 0 -> keys;
            case 1 -> random.nextInt(keys + 1);
            default -> 1;
          };
      keyStarts[i + 1] = keyStarts[i] + keys;
      queryStarts[i + 1] = queryStarts[i] + queries;
    }
    int queries = Math.max(1, queryStarts[sequences]);
    float[][] q = Step.random(random, queries, heads * headSize);
    float[][] kv = Step.random(random, keyStarts[sequences], 2 * keyHeads * headSize);
    float[][] k = new float[kv.length][];
    float[][] v = new float[kv.length][];
    for (int row = 0; row < kv.length; row++) {
      k[row] = Arrays.copyOf(kv[row], keyHeads * headSize);
      v[row] = Arrays.copyOfRange(kv[row], keyHeads * headSize, 2 * keyHeads * headSize);
    }
    queryStarts[sequences] = queries;
    int[] limits = Step.everyKey(queryStarts, keyStarts);
    if (random.nextBoolean()) {
      Arrays.setAll(limits, row -> random.nextInt(1, limits[row] + 1));
    }
    int window = random.nextBoolean() ? Backend.ALL_KEYS : random.nextInt(1, 300);
    double[][] expected =
        Reference.attention(q, k, v, headSize, queryStarts, keyStarts, limits, window);
    try (Step step = new Step(setup, 2)) {
      Activation keysAndValues = step.put(kv);
      Activation out = step.empty(queries, heads * headSize);
      step.backend.attention(
          step.put(q),
          keysAndValues.columns(0, keyHeads * headSize),
          keysAndValues.columns(keyHeads * headSize, keyHeads * headSize),
          headSize,
          queryStarts,
          keyStarts,
          limits,
          window,
          out);
      assertClose(step.take(out), expected, _ -> 1e-5);
    }
  }

  @ParameterizedTest
  @MethodSource("dev.palimpsest.engine.backend.host.Setup#all")
  void attentionSurvivesScoresThatWouldOverflow(Setup setup) {
    SplittableRandom random = new SplittableRandom(0);
    int size = 16;
    float[][] q = Step.random(random, 9, size);
    float[][] k = Step.random(random, 200, size);
    float[][] v = Step.random(random, 200, size);
    for (float[] row : k) {
      for (int i = 0; i < size; i++) {
        row[i] *= 1000;
      }
    }
    int[] queryStarts = {0, 9};
    int[] keyStarts = {0, 200};
    int[] limits = Step.everyKey(queryStarts, keyStarts);
    double[][] expected =
        Reference.attention(q, k, v, size, queryStarts, keyStarts, limits, Backend.ALL_KEYS);
    try (Step step = new Step(setup, 1)) {
      Activation out = step.empty(9, size);
      step.backend.attention(
          step.put(q),
          step.put(k),
          step.put(v),
          size,
          queryStarts,
          keyStarts,
          limits,
          Backend.ALL_KEYS,
          out);
      assertClose(step.take(out), expected, _ -> 2e-3);
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void swiGluMultipliesTheUpHalfByTheGatesSilu(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int inner = width(random);
    float[][] gateUp = Step.random(random, rows(random), 2 * inner);
    for (float[] row : gateUp) {
      row[random.nextInt(inner)] = random.nextBoolean() ? 200 : -200;
    }
    double[][] expected = Reference.swiGlu(gateUp);
    try (Step step = new Step(setup, 2)) {
      Activation out = step.empty(gateUp.length, inner);
      step.backend.swiGlu(step.put(gateUp), out);
      float[][] found = step.take(out);
      for (int row = 0; row < found.length; row++) {
        for (int i = 0; i < inner; i++) {
          assertThat((double) found[row][i])
              .isCloseTo(expected[row][i], within(1e-6 * Math.abs(expected[row][i]) + 1e-30));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void gatheringCopiesRows(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] x = Step.random(random, rows(random), width(random));
    int[] rows = tokens(random, rows(random), x.length);
    try (Step step = new Step(setup, 2)) {
      Activation out = step.empty(rows.length, x[0].length);
      step.backend.gather(step.put(x), rows, out);
      float[][] found = step.take(out);
      for (int i = 0; i < rows.length; i++) {
        assertThat(found[i]).containsExactly(x[rows[i]]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void guidanceMovesARowAwayFromTheUnconditionalOne(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] x = Step.random(random, rows(random) + 1, width(random));
    int row = random.nextInt(x.length - 1);
    int unconditional = x.length - 1;
    double scale = random.nextDouble(0.1, 4);
    try (Step step = new Step(setup, 2)) {
      Activation in = step.put(x);
      step.backend.guide(in, row, unconditional, scale);
      float[][] found = step.take(in);
      for (int i = 0; i < x[0].length; i++) {
        double u = x[unconditional][i];
        assertThat(found[row][i]).isEqualTo((float) (u + (scale + 1) * (x[row][i] - u)));
      }
      found[row] = x[row];
      assertThat(found).as("the other rows").isDeepEqualTo(x);
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void theVocabularyIsReducedToThePredictionsOfItsLogits(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = width(random);
    float[][] head = Step.random(random, random.nextInt(1, 1000), width);
    float[][] x = Step.random(random, rows(random), width);
    for (float[] row : x) {
      for (int i = 0; i < width; i++) {
        row[i] *= (float) (3 / Math.sqrt(width));
      }
    }
    double[][] logits = Reference.linear(setup.multiplied(x), setup.stored(head));
    List<RowDraw> draws = new ArrayList<>();
    for (int row = 0; row < x.length; row++) {
      draws.add(new RowDraw(Draw.GREEDY, row));
    }
    try (Step step = new Step(setup, 2)) {
      List<Prediction> found = step.backend.vocabulary(step.put(x), step.weight(head), draws);
      assertThat(found).hasSameSizeAs(draws);
      for (int row = 0; row < x.length; row++) {
        Prediction prediction = found.get(row);
        Prediction expected = Reference.prediction(logits[row], draws.get(row));
        Reference.assertScalarsClose(prediction, expected, 1e-5);
        assertThat(prediction.token()).isEqualTo(prediction.argmax());
        assertThat(prediction.probability()).isCloseTo(prediction.top(), within(1e-12));
        assertThat(logits[row][prediction.argmax()])
            .isCloseTo(logits[row][expected.argmax()], within(1e-5));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void valuesAreAddedToEveryRow(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int width = width(random);
    float[][] x = Step.random(random, rows(random), width);
    float[] values = Step.random(random, 1, width)[0];
    double[][] expected = new double[x.length][width];
    for (int row = 0; row < x.length; row++) {
      for (int i = 0; i < width; i++) {
        expected[row][i] = (double) x[row][i] + values[i];
      }
    }
    try (Step step = new Step(setup, 2)) {
      Activation outer = step.empty(x.length, width + 5);
      Activation in = step.put(x);
      step.backend.addToRows(in, step.vector(values));
      assertClose(step.take(in), expected, _ -> 1e-6);
      assertUntouched(step, outer, 0, 0);
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void everyHeadIsNormalizedOnItsOwn(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int headSize = 2 * random.nextInt(1, 70);
    int heads = random.nextInt(1, 5);
    float[][] x = Step.random(random, rows(random), heads * headSize);
    float[] gain = Step.random(random, 1, headSize)[0];
    double[][] expected = new double[x.length][heads * headSize];
    for (int head = 0; head < heads; head++) {
      int at = head * headSize;
      float[][] own =
          Arrays.stream(x)
              .map(row -> Arrays.copyOfRange(row, at, at + headSize))
              .toArray(float[][]::new);
      double[][] normed = Reference.rmsNorm(own, gain, 1e-6);
      for (int row = 0; row < x.length; row++) {
        System.arraycopy(normed[row], 0, expected[row], at, headSize);
      }
    }
    try (Step step = new Step(setup, 2)) {
      Activation in = step.put(x);
      step.backend.normHeads(in, headSize, step.vector(gain), 1e-6);
      assertClose(step.take(in), expected, share(1e-6, expected));
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void onlyTheFirstDimensionsOfAHeadTurnIfTheTableIsNarrower(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int turned = 2 * random.nextInt(1, 40);
    int headSize = turned + random.nextInt(1, 40);
    int heads = random.nextInt(1, 4);
    float[][] x = Step.random(random, rows(random), heads * headSize);
    float[][] table = Step.random(random, 50, turned);
    int[] positions = tokens(random, x.length, 50);
    double[][] expected = new double[x.length][heads * headSize];
    for (int row = 0; row < x.length; row++) {
      for (int head = 0; head < heads; head++) {
        int at = head * headSize;
        float[][] first = {Arrays.copyOfRange(x[row], at, at + turned)};
        double[] rotated = Reference.rotate(first, turned, new int[] {positions[row]}, table)[0];
        System.arraycopy(rotated, 0, expected[row], at, turned);
        for (int i = turned; i < headSize; i++) {
          expected[row][at + i] = x[row][at + i];
        }
      }
    }
    try (Step step = new Step(setup, 2)) {
      Activation in = step.put(x);
      step.backend.rotate(in, headSize, positions, step.table(table));
      assertClose(step.take(in), expected, share(1e-6, expected));
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void expertsAddTheirWeightedOutputs(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (Experts experts :
        List.of(
            new Experts(6, 2, 20, new Router.Softmax(false)),
            new Experts(5, 5, 33, new Router.Softmax(true)),
            new Experts(12, 3, 16, new Router.GroupedSigmoid(4, 2, true, 2.5)),
            new Experts(8, 1, 17, new Router.GroupedSigmoid(2, 1, false, 1)))) {
      assertExperts(setup, random, experts);
    }
  }

  private static void assertExperts(Setup setup, SplittableRandom random, Experts experts) {
    int hidden = width(random) + 1;
    int rows = rows(random);
    float[][] x = Step.random(random, rows, hidden);
    float[][] before = Step.random(random, rows, hidden);
    float[][] router = Step.random(random, experts.count(), hidden);
    float[][] scores = narrowed(Reference.linear(x, router));
    float[] bias =
        experts.router().hasBias() ? Step.random(random, 1, experts.count())[0] : new float[0];
    float[][] gateUp = scaled(random, experts.count() * 2 * experts.width(), hidden);
    float[][] down = scaled(random, experts.count() * hidden, experts.width());
    double[][] expected =
        Reference.experts(
            setup.multiplied(x),
            before,
            scores,
            bias,
            experts,
            setup.stored(gateUp),
            setup.stored(down));
    try (Step step = new Step(setup, 2)) {
      ExpertWeights weights =
          new ExpertWeights(
              bias.length == 0 ? Optional.empty() : Optional.of(step.vector(bias)),
              step.weight(gateUp),
              step.weight(down));
      Activation sum = step.put(before);
      step.backend.addExperts(
          step.put(x),
          step.exactWeight(router),
          experts,
          weights,
          step.empty(rows, experts.perToken() * hidden),
          sum);
      double[][] magnitudes =
          Reference.expertMagnitudes(
              setup.multiplied(x),
              before,
              scores,
              bias,
              experts,
              setup.stored(gateUp),
              setup.stored(down));
      double share = setup.precision() == Precision.BF16 ? 0x1p-8 : 1e-6;
      assertClose(
          step.take(sum), expected, row -> share * Arrays.stream(magnitudes[row]).max().orElse(0));
    }
  }

  private static float[][] narrowed(double[][] values) {
    float[][] result = new float[values.length][];
    for (int row = 0; row < values.length; row++) {
      result[row] = new float[values[row].length];
      for (int i = 0; i < result[row].length; i++) {
        result[row][i] = (float) values[row][i];
      }
    }
    return result;
  }

  /** Weights whose products stay near one. */
  private static float[][] scaled(SplittableRandom random, int rows, int columns) {
    float[][] result = Step.random(random, rows, columns);
    for (float[] row : result) {
      for (int i = 0; i < columns; i++) {
        row[i] /= (float) Math.sqrt(columns);
      }
    }
    return result;
  }
}
