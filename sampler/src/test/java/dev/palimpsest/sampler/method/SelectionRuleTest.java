package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SelectionRuleTest {
  private static LongStream seeds() {
    return LongStream.range(0, 200);
  }

  @Test
  void aFixedCountTakesTheBestAndTiesGoToTheLowerPosition() {
    double[] scores = {.2, .9, .5, .9, .5, 0};
    assertThat(new SelectionRule.FixedCount(0).select(scores)).isEmpty();
    assertThat(new SelectionRule.FixedCount(3).select(scores)).containsExactly(1, 3, 2);
    assertThat(new SelectionRule.FixedCount(9).select(scores)).containsExactly(1, 3, 2, 4, 0, 5);
    assertThat(new SelectionRule.FixedCount(1).select(new double[0])).isEmpty();
  }

  @Test
  void aThresholdTakesTheBestAlwaysAndTheRestFromTheThresholdOn() {
    SelectionRule.Leading rule = new SelectionRule.Threshold(.9);
    assertThat(rule.select(new double[] {.3, .1})).containsExactly(0);
    assertThat(rule.select(new double[] {.3, .9, .95, .89})).containsExactly(2, 1);
    assertThat(rule.select(new double[] {.9, .9})).containsExactly(0, 1);
    assertThat(rule.select(new double[0])).isEmpty();
  }

  @Test
  void aFactorTakesALeadingRunOfRanks() {
    assertThat(factorTakes(.9, .7, .1)).isEqualTo(2);
    assertThat(factorTakes(.9, .1, .05)).isEqualTo(1);
    assertThat(factorTakes(.3)).isEqualTo(1);
    assertThat(factorTakes(.9, .9, .9)).isEqualTo(3);
    assertThat(factorTakes()).isZero();
    // Rank 2 fails at 0.6 < 2/3, so rank 3 is not looked at.
    assertThat(new SelectionRule.Factor(1).take(new double[] {.9, .6, .6})).isEqualTo(1);
  }

  @Test
  void thePublishedFactorAlsoTakesAFailureAtTheLastRank() {
    assertThat(publishedFactor(1, .9, .7, .1)).isEqualTo(3);
    assertThat(publishedFactor(1, .9, .1, .05)).isEqualTo(1);
    assertThat(publishedFactor(1, .3)).isEqualTo(1);
    assertThat(publishedFactor(1, .9, .9, .9)).isEqualTo(3);
  }

  @Test
  void everythingAboveAThresholdIsTakenAndTheShareAtLeast() {
    double[] ranked = {.95, .9, .85, .2};
    assertThat(new SelectionRule.Above(.85, 1).take(ranked)).isEqualTo(2);
    assertThat(new SelectionRule.Above(.85, 3).take(ranked)).isEqualTo(3);
    assertThat(new SelectionRule.Above(.99, 1).take(ranked)).isEqualTo(1);
    assertThat(new SelectionRule.Above(.1, 9).take(ranked)).isEqualTo(4);
  }

  @Test
  void entropiesAreTakenWhileTheirSumIsBelowTheBound() {
    double[] ranked = {-.1, -.125, -.125, -1};
    assertThat(new SelectionRule.EntropyBound(.35).take(ranked)).isEqualTo(2);
    assertThat(new SelectionRule.EntropyBound(.36).take(ranked)).isEqualTo(3);
    assertThat(new SelectionRule.EntropyBound(.05).take(ranked)).isEqualTo(1);
    assertThat(new SelectionRule.EntropyBound(9).take(ranked)).isEqualTo(4);
    assertThat(new SelectionRule.EntropyBound(9).take(new double[0])).isZero();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyRuleTakesALeadingRunOfTheRanking(long seed) {
    Random random = new Random(seed);
    double[] scores = random.doubles(1 + random.nextInt(12)).toArray();
    if (random.nextBoolean()) {
      Arrays.setAll(scores, i -> Math.round(scores[i] * 4) / 4.0);
    }
    List<SelectionRule.Leading> rules =
        List.of(
            new SelectionRule.FixedCount(random.nextInt(14)),
            new SelectionRule.Threshold(random.nextDouble()),
            new SelectionRule.Factor(3 * random.nextDouble() + .01),
            new SelectionRule.Above(random.nextDouble(), random.nextInt(14)),
            new SelectionRule.EntropyBound(random.nextDouble()));
    int[] all = new SelectionRule.FixedCount(scores.length).select(scores);
    for (int rank = 1; rank < all.length; rank++) {
      double higher = scores[all[rank - 1]];
      double lower = scores[all[rank]];
      assertThat(higher > lower || (higher == lower && all[rank - 1] < all[rank]))
          .as("seed %d, rank %d", seed, rank)
          .isTrue();
    }
    int[] positions = positions(random, scores.length);
    for (SelectionRule.Leading rule : rules) {
      int[] taken = rule.select(scores);
      assertThat(rule.select(positions, scores)).isEqualTo(taken);
      assertThat(taken)
          .as("seed %d, %s", seed, rule)
          .containsExactly(Arrays.copyOf(all, taken.length));
    }
    double[] ranked = Arrays.stream(all).mapToDouble(i -> scores[i]).toArray();
    int published = publishedFactor(1, ranked);
    int here = new SelectionRule.Factor(1).take(ranked);
    assertThat(published - here)
        .as("seed %d", seed)
        .isBetween(0, here == ranked.length - 1 ? 1 : 0);
  }

  @Test
  void theBestOfEveryRunIsTakenAboveTheLowThresholdAndTheBestOfAllAlways() {
    int[] positions = {3, 4, 5, 8, 9, 12};
    double[] scores = {.5, .7, .91, .2, .6, .3};
    assertThat(hierarchy(.9, .4).select(positions, scores)).containsExactly(2, 4);
    assertThat(hierarchy(.65, .4).select(positions, scores)).containsExactly(2, 1, 4);
    assertThat(hierarchy(.9, 0).select(positions, scores)).containsExactly(2, 4, 5);
    assertThat(hierarchy(.95, .92).select(positions, scores)).containsExactly(2);
    assertThat(new SelectionRule.Hierarchy(OptionalDouble.empty(), .3).select(positions, scores))
        .containsExactly(2, 4);
    // Both bounds are strict.
    assertThat(hierarchy(.7, .6).select(positions, scores)).containsExactly(2);
    assertThat(hierarchy(.9, .4).select(new int[0], new double[0])).isEmpty();
  }

  @Test
  void ofEqualScoresTheLowerPositionIsTheBestOfItsRun() {
    assertThat(
            hierarchy(.9, .2).select(new int[] {1, 2, 3, 6, 7}, new double[] {.1, .5, .5, .5, .5}))
        .containsExactly(1, 3);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aHierarchyTakesWhatThePublishedOneTakes(long seed) {
    Random random = new Random(seed);
    double[] scores = random.doubles(1 + random.nextInt(20)).toArray();
    int[] positions = positions(random, scores.length);
    double low = random.nextDouble();
    double high = low + (1 - low) * random.nextDouble();
    int[] taken = hierarchy(high, low).select(positions, scores);
    assertThat(Arrays.stream(taken).sorted().toArray())
        .as("seed %d", seed)
        .isEqualTo(publishedHierarchy(positions, scores, high, low));
    assertThat(Arrays.stream(taken).mapToDouble(index -> -scores[index]).toArray()).isSorted();
  }

  /** {@code HierarchyDecoder.get_transfer_index}: a maximum of every segment, scattered. */
  private static int[] publishedHierarchy(
      int[] positions, double[] scores, double threshold, double lowThreshold) {
    double[] segmentMax = new double[scores.length];
    int[] segment = new int[scores.length];
    for (int i = 0; i < scores.length; i++) {
      boolean adjacent = i > 0 && positions[i - 1] == positions[i] - 1;
      segment[i] = i == 0 ? 0 : segment[i - 1] + (adjacent ? 0 : 1);
      segmentMax[segment[i]] = Math.max(segmentMax[segment[i]], scores[i]);
    }
    double best = Arrays.stream(scores).max().orElseThrow();
    return IntStream.range(0, scores.length)
        .filter(
            i ->
                (scores[i] == segmentMax[segment[i]] && scores[i] > lowThreshold)
                    || scores[i] > threshold
                    || scores[i] == best)
        .toArray();
  }

  private static SelectionRule.Hierarchy hierarchy(double threshold, double lowThreshold) {
    return new SelectionRule.Hierarchy(OptionalDouble.of(threshold), lowThreshold);
  }

  /** Ascending, in runs of one and more. */
  private static int[] positions(Random random, int count) {
    int[] positions = new int[count];
    for (int i = 1; i < count; i++) {
      positions[i] = positions[i - 1] + 1 + Math.max(0, random.nextInt(5) - 2);
    }
    return positions;
  }

  private static int factorTakes(double... ranked) {
    return new SelectionRule.Factor(1).take(ranked);
  }

  /** The index arithmetic of Fast-dLLM's {@code get_transfer_index_dynamic}. */
  private static int publishedFactor(double factor, double... ranked) {
    int top = 0;
    for (int i = 0; i < ranked.length; i++) {
      top = i;
      if (ranked[i] < (i == 0 ? -1 : 1 - factor / (i + 2))) {
        break;
      }
    }
    return top == 0 || top == ranked.length - 1 ? top + 1 : top;
  }
}
