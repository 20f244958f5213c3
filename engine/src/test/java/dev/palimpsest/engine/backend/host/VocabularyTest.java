package dev.palimpsest.engine.backend.host;

import static dev.palimpsest.step.SamplingFilter.Order.NUCLEUS_FIRST;
import static dev.palimpsest.step.SamplingFilter.Order.TOP_K_FIRST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.IdSet;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.SamplingFilter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The reduction of logits that are known exactly: row {@code r} is the unit vector r. */
class VocabularyTest {
  private static final String ALL = "dev.palimpsest.engine.backend.host.Setup#all";
  private static final int[] NONE = {};
  private static final int[] SIZES = {1, 2, 7, 127, 128, 129, 300, 1031};

  /** More than 64 panels of 128 ids, so that some spans have two panels. */
  private static final int MANY = 64 * 128 + 391;

  static Stream<Arguments> setupsAndSeeds() {
    return Setup.withSeeds(2);
  }

  /** Predictions of rows with these logits, in which every element is a bf16 number. */
  private static List<Prediction> reduce(Setup setup, float[][] logits, List<RowDraw> draws) {
    int rows = logits.length;
    int ids = logits[0].length;
    float[][] head = new float[ids][rows];
    float[][] units = new float[rows][rows];
    for (int row = 0; row < rows; row++) {
      units[row][row] = 1;
      for (int id = 0; id < ids; id++) {
        head[id][row] = logits[row][id];
      }
    }
    try (Step step = new Step(setup, 3)) {
      return step.backend.vocabulary(step.put(units), step.weight(head), draws);
    }
  }

  private static Prediction reduce(Setup setup, float[] logits, Draw draw) {
    return reduce(setup, new float[][] {logits}, List.of(new RowDraw(draw, 3))).getFirst();
  }

  private static double[] doubles(float[] logits) {
    double[] result = new double[logits.length];
    Arrays.setAll(result, i -> logits[i]);
    return result;
  }

  private static float[] random(SplittableRandom random, int ids, boolean coarse) {
    float[] logits = new float[ids];
    for (int i = 0; i < ids; i++) {
      logits[i] =
          coarse
              ? random.nextInt(-20, 20) / 4f
              : Bf16.toFloat(Bf16.fromFloat((float) (4 * random.nextGaussian())));
    }
    return logits;
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void equalLogitsGiveTheLowestIdAndTheEntropyOfAUniformDistribution(Setup setup) {
    for (int ids : new int[] {1, 2, 5, 128, 300, MANY}) {
      for (float logit : new float[] {0, -100, 10_000}) {
        float held = Bf16.toFloat(Bf16.fromFloat(logit));
        float[] logits = new float[ids];
        Arrays.fill(logits, held);
        Prediction found = reduce(setup, logits, Draw.GREEDY);
        assertThat(found.token()).isZero();
        assertThat(found.argmax()).isZero();
        assertThat(found.top()).isCloseTo(1.0 / ids, within(1e-9));
        assertThat(found.probability()).isCloseTo(1.0 / ids, within(1e-9));
        assertThat(found.second()).isCloseTo(ids == 1 ? 0 : 1.0 / ids, within(1e-9));
        assertThat(found.entropy()).isCloseTo(Math.log(ids), within(1e-6));
        assertThat(found.logSumExp())
            .isCloseTo(held + Math.log(ids), within(1e-6 * (1 + Math.abs(held))));
      }
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void oneHighLogitIsAllTheProbability(Setup setup) {
    for (int ids : SIZES) {
      for (int high : new int[] {0, ids / 2, ids - 1}) {
        float[] logits = new float[ids];
        logits[high] = 256;
        Prediction found = reduce(setup, logits, Draw.GREEDY);
        assertThat(found.token()).isEqualTo(high);
        assertThat(found.top()).isCloseTo(1, within(1e-12));
        assertThat(found.second()).isCloseTo(0, within(1e-12));
        assertThat(found.entropy()).isCloseTo(0, within(1e-12));
        assertThat(found.logSumExp()).isCloseTo(256, within(1e-9));
      }
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void theTwoHighestMayLieAnywhereAndBeEqual(Setup setup) {
    int ids = MANY;
    for (int[] pair : new int[][] {{0, 1}, {5, 13}, {127, 128}, {64, ids - 1}}) {
      float[] logits = new float[ids];
      logits[pair[0]] = 20;
      logits[pair[1]] = 20;
      Prediction found = reduce(setup, logits, Draw.GREEDY);
      assertThat(found.argmax()).isEqualTo(pair[0]);
      assertThat(found.second()).isEqualTo(found.top());
      logits[pair[1]] = 19;
      found = reduce(setup, logits, Draw.GREEDY);
      assertThat(found.second() / found.top()).isCloseTo(Math.exp(-1), within(1e-9));
      logits[pair[1]] = 21;
      found = reduce(setup, logits, Draw.GREEDY);
      assertThat(found.argmax()).isEqualTo(pair[1]);
      assertThat(found.second() / found.top()).isCloseTo(Math.exp(-1), within(1e-9));
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void everyScalarIsThatOfAPlainReference(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int ids = seed == 0 ? MANY : SIZES[random.nextInt(SIZES.length)];
    int rows = random.nextInt(1, 40);
    float[][] logits = new float[rows][];
    List<RowDraw> draws = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      logits[row] = random(random, ids, random.nextBoolean());
      double temperature = random.nextBoolean() ? 0 : random.nextDouble(0.01, 3);
      int[] undrawn = ids == 1 ? NONE : distinct(random, random.nextInt(ids / 2 + 1), ids);
      int[] uncounted = ids == 1 ? NONE : distinct(random, random.nextInt(ids / 2 + 1), ids);
      draws.add(
          new RowDraw(
              new Draw(
                      temperature,
                      Optional.empty(),
                      random.nextLong(),
                      random.nextInt(100),
                      undrawn,
                      uncounted)
                  .naming(random.nextInt(6)),
              random.nextInt(4096)));
    }
    List<Prediction> found = reduce(setup, logits, draws);
    for (int row = 0; row < rows; row++) {
      Prediction expected = Reference.prediction(doubles(logits[row]), draws.get(row));
      Reference.assertClose(found.get(row), expected, 1e-6);
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void idsThatARowMayNotTakeAreNeitherDrawnNorCounted(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int ids = random.nextInt(100, 1500);
    float[][] logits = new float[12][];
    List<RowDraw> limited = new ArrayList<>();
    List<RowDraw> listed = new ArrayList<>();
    for (int row = 0; row < logits.length; row++) {
      logits[row] = random(random, ids, row % 2 == 0);
      Optional<SamplingFilter> filter =
          row % 3 == 0 ? Optional.of(new SamplingFilter(40, 0.9)) : Optional.empty();
      int[] allowed = distinct(random, 20, ids);
      IdSet set = IdSet.of(allowed);
      int[] others = IntStream.range(0, ids).filter(id -> !set.contains(id)).toArray();
      Draw draw = new Draw(row % 4 * 0.5, filter, seed, row, new int[] {allowed[0]}, NONE);
      Draw without = new Draw(row % 4 * 0.5, filter, seed, row, join(others, allowed[0]), others);
      limited.add(new RowDraw(draw.naming(row), row, Optional.of(set)));
      listed.add(new RowDraw(without.naming(row), row));
    }
    List<Prediction> found = reduce(setup, logits, limited);
    assertThat(found).isEqualTo(reduce(setup, logits, listed));
    for (int row = 0; row < logits.length; row++) {
      assertThat(limited.get(row).allowed().orElseThrow().contains(found.get(row).token()))
          .isTrue();
    }
  }

  private static int[] join(int[] ids, int one) {
    return IntStream.concat(Arrays.stream(ids), IntStream.of(one)).toArray();
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void aRowThatMayTakeNoIdIsRefused(Setup setup) {
    for (double temperature : new double[] {0, 1}) {
      Draw draw = new Draw(temperature, Optional.empty(), 0, 0, NONE, NONE);
      RowDraw how = new RowDraw(draw, 0, Optional.of(IdSet.of(9)));
      assertThatThrownBy(() -> reduce(setup, new float[][] {{1, 2, 3}}, List.of(how)))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageEndingWith("the model's weights are damaged, or no id may be drawn");
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void namingAlternativesChangesNoOtherBit(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] logits = new float[12][];
    List<RowDraw> plain = new ArrayList<>();
    List<RowDraw> naming = new ArrayList<>();
    for (int row = 0; row < logits.length; row++) {
      logits[row] = random(random, 700, row % 2 == 0);
      Optional<SamplingFilter> filter =
          row % 3 == 0 ? Optional.of(new SamplingFilter(40, 0.9)) : Optional.empty();
      Draw draw = new Draw(row % 2, filter, seed, row, new int[] {3}, NONE);
      plain.add(new RowDraw(draw, row));
      naming.add(new RowDraw(draw.naming(5), row));
    }
    List<Prediction> without = reduce(setup, logits, plain);
    List<Prediction> with = reduce(setup, logits, naming);
    for (int row = 0; row < logits.length; row++) {
      assertThat(with.get(row).with(List.of())).isEqualTo(without.get(row));
      assertThat(with.get(row).alternatives()).hasSizeBetween(row % 3 == 0 ? 1 : 5, 5);
      assertThat(with.get(row).alternatives().getFirst().token()).isEqualTo(with.get(row).argmax());
    }
  }

  private static int[] distinct(SplittableRandom random, int count, int bound) {
    return random.ints(0, bound).distinct().limit(Math.min(count, 20)).toArray();
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void anUndrawnIdStillCountsAndAnUncountedOneMayBeDrawn(Setup setup) {
    float[] logits = new float[300];
    logits[200] = 8;
    logits[7] = 4;
    Prediction undrawn =
        reduce(setup, logits, new Draw(0, Optional.empty(), 0, 0, new int[] {200}, NONE));
    Prediction plain = reduce(setup, logits, Draw.GREEDY);
    assertThat(undrawn.token()).isEqualTo(7);
    assertThat(undrawn.argmax()).isEqualTo(7);
    assertThat(undrawn.top()).isEqualTo(plain.top());
    assertThat(undrawn.logSumExp()).isEqualTo(plain.logSumExp());
    assertThat(undrawn.probability()).isCloseTo(plain.second(), within(1e-12));

    Prediction uncounted =
        reduce(setup, logits, new Draw(0, Optional.empty(), 0, 0, NONE, new int[] {200}));
    assertThat(uncounted.token()).isEqualTo(200);
    assertThat(uncounted.probability()).isZero();
    assertThat(uncounted.logSumExp()).isCloseTo(Math.log(Math.exp(4) + 298), within(1e-6));
    assertThat(uncounted.entropy()).isLessThan(Math.log(299));
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void aListMayNameAnIdTwice(Setup setup) {
    float[] logits = {1, 5, 2, 4, 3};
    int[] twice = {1, 3, 1, 3};
    Prediction found = reduce(setup, logits, new Draw(0, Optional.empty(), 0, 0, twice, NONE));
    Prediction expected =
        Reference.prediction(
            doubles(logits),
            new RowDraw(new Draw(0, Optional.empty(), 0, 0, new int[] {1, 3}, NONE), 3));
    Reference.assertClose(found, expected, 1e-6);
    found = reduce(setup, logits, new Draw(0, Optional.empty(), 0, 0, NONE, twice));
    assertThat(found.token()).isEqualTo(1);
    assertThat(found.second() / found.top()).isCloseTo(Math.exp(-1), within(1e-6));
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void drawsPassOverNoIdThatCouldWin(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = 24;
    float[][] logits = new float[rows][];
    List<RowDraw> draws = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      logits[row] = row % 4 == 0 ? new float[MANY] : random(random, MANY, row % 2 == 0);
      draws.add(
          new RowDraw(
              new Draw(random.nextDouble(0.05, 5), Optional.empty(), seed, row / 8, NONE, NONE),
              row % 8));
    }
    List<Prediction> found = reduce(setup, logits, draws);
    for (int row = 0; row < rows; row++) {
      int drawn = Reference.drawn(doubles(logits[row]), draws.get(row));
      assertThat(found.get(row).token()).as("row %d", row).isEqualTo(drawn);
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void drawsFollowTheDistribution(Setup setup) {
    float[] logits = {0, 1, 2, 3, -1};
    int rows = 4000;
    float[][] all = new float[500][];
    Arrays.fill(all, logits);
    int[] counts = new int[logits.length];
    for (int batch = 0; batch < rows / all.length; batch++) {
      List<RowDraw> draws = new ArrayList<>();
      for (int row = 0; row < all.length; row++) {
        draws.add(new RowDraw(new Draw(1, Optional.empty(), 42, batch, NONE, NONE), row));
      }
      reduce(setup, all, draws).forEach(prediction -> counts[prediction.token()]++);
    }
    double total = Arrays.stream(doubles(logits)).map(Math::exp).sum();
    for (int id = 0; id < logits.length; id++) {
      double p = Math.exp(logits[id]) / total;
      assertThat((double) counts[id] / rows)
          .isCloseTo(p, within(4 * Math.sqrt(p * (1 - p) / rows)));
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void damagedWeightsAreReportedInASentence(Setup setup) {
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      for (int id : new int[] {0, 150, 299}) {
        float[] logits = new float[300];
        logits[id] = bad;
        assertThatThrownBy(() -> reduce(setup, logits, Draw.GREEDY))
            .isInstanceOf(ArithmeticException.class)
            .hasMessageContaining("finite numbers are expected: the model's weights are damaged");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("setupsAndSeeds")
  void aFilteredRowIsThatOfAPlainReferenceBesideRowsWithoutFilter(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int ids = seed == 0 ? MANY : SIZES[random.nextInt(SIZES.length)];
    int rows = random.nextInt(1, 120);
    float[][] logits = new float[rows][];
    List<RowDraw> draws = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      logits[row] = random(random, ids, random.nextInt(4) == 0);
      double temperature = random.nextInt(3) == 0 ? 0 : random.nextDouble(0.05, 3);
      int[] undrawn = ids < 8 ? NONE : distinct(random, random.nextInt(4), ids);
      draws.add(
          new RowDraw(
              new Draw(
                  temperature,
                  random.nextInt(4) == 0
                      ? Optional.empty()
                      : Optional.of(
                          new SamplingFilter(
                              random.nextBoolean() ? Integer.MAX_VALUE : random.nextInt(1, 400),
                              random.nextInt(3) == 0 ? 1 : random.nextDouble(0.001, 1),
                              random.nextBoolean() ? TOP_K_FIRST : NUCLEUS_FIRST)),
                  random.nextLong(),
                  random.nextInt(100),
                  undrawn,
                  NONE),
              random.nextInt(4096)));
    }
    List<Prediction> found = reduce(setup, logits, draws);
    for (int row = 0; row < rows; row++) {
      Prediction expected = Reference.prediction(doubles(logits[row]), draws.get(row));
      Reference.assertClose(found.get(row), expected, 2e-6);
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void aNucleusKeepsTheIdThatCrossesItsBoundAndTopKCutsAfterOrBeforeIt(Setup setup) {
    // At this temperature the probabilities are 1/2, 1/4, 1/8, 1/16, 1/16 and next to nothing.
    double temperature = 1 / Math.log(2);
    float[] logits = new float[300];
    Arrays.fill(logits, -60);
    logits[200] = 0;
    logits[7] = -1;
    logits[150] = -2;
    logits[299] = -3;
    logits[3] = -3;
    Map<SamplingFilter, Double> remaining =
        Map.of(
            new SamplingFilter(Integer.MAX_VALUE, 0.05), 0.5,
            new SamplingFilter(Integer.MAX_VALUE, 0.49), 0.5,
            new SamplingFilter(Integer.MAX_VALUE, 0.51), 0.75,
            new SamplingFilter(Integer.MAX_VALUE, 0.9), 15 / 16.0,
            new SamplingFilter(2, 0.9), 0.75,
            new SamplingFilter(3, 1), 0.875,
            new SamplingFilter(3, 0.1), 0.5,
            new SamplingFilter(2, 0.6, TOP_K_FIRST), 0.5, // of 2/3 and 1/3
            new SamplingFilter(2, 0.7, TOP_K_FIRST), 0.75,
            new SamplingFilter(300, 1), 1.0);
    remaining.forEach(
        (filter, share) -> {
          Draw draw = new Draw(temperature, Optional.of(filter), 1, 2, NONE, NONE);
          Prediction found = reduce(setup, logits, draw);
          assertThat(found.top()).as("%s", filter).isCloseTo(0.5 / share, within(1e-6));
          assertThat(found.second())
              .as("%s", filter)
              .isCloseTo(share == 0.5 ? 0 : 0.25 / share, within(1e-6));
          assertThat(found.argmax()).isEqualTo(200);
          assertThat(found.probability()).isPositive();
        });
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void equalLogitsStayByTheLowerId(Setup setup) {
    float[] logits = new float[MANY];
    Draw draw = new Draw(0, Optional.of(new SamplingFilter(3, 1)), 0, 0, new int[] {1}, NONE);
    Prediction found = reduce(setup, logits, draw);
    assertThat(found.token()).isZero();
    assertThat(found.top()).isCloseTo(1 / 3.0, within(1e-9));
    assertThat(found.entropy()).isCloseTo(Math.log(3), within(1e-6));
    for (int step = 0; step < 40; step++) {
      Draw noisy = new Draw(1, Optional.of(new SamplingFilter(3, 1)), 9, step, new int[] {1}, NONE);
      assertThat(reduce(setup, logits, noisy).token()).isIn(0, 2, 3);
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void damagedWeightsAreReportedUnderAFilterToo(Setup setup) {
    Draw draw = new Draw(1, Optional.of(new SamplingFilter(5, 0.9)), 0, 0, NONE, NONE);
    for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      float[] logits = new float[300];
      logits[150] = bad;
      assertThatThrownBy(() -> reduce(setup, logits, draw))
          .isInstanceOf(ArithmeticException.class)
          .hasMessageContaining("finite numbers are expected: the model's weights are damaged");
    }
  }
}
