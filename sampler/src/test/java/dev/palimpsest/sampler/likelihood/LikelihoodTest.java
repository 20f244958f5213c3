package dev.palimpsest.sampler.likelihood;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Estimates against their definitions, on a model of six tokens, with all that could be drawn. */
final class LikelihoodTest {
  private static final int MASK = 6;
  private static final int LENGTH = 4;
  private static final AttentionPattern FULL = new AttentionPattern.Full();

  private static LongStream seeds() {
    return LongStream.range(0, 5);
  }

  private static HashModel model(long seed, AttentionPattern pattern) {
    return new HashModel(MASK + 1, seed, 3, 0, MASK, pattern);
  }

  private static ModelLimits limits(AttentionPattern pattern) {
    return new ModelLimits(MASK + 1, 32, pattern);
  }

  private static LogLikelihood measured(HashModel model, Passage passage, Estimator estimator) {
    Measurement measurement = Measurement.of(passage, estimator, limits(model.pattern), MASK);
    List<Query> queries =
        measurement.forwards().stream().map(forward -> forward.query().get()).toList();
    return measurement.result(model.predict(queries));
  }

  private static Passage random(long seed) {
    Random random = new Random(seed);
    return new Passage(
        random.ints(1 + random.nextInt(3), 0, MASK).toArray(),
        random.ints(LENGTH, 0, MASK).toArray());
  }

  /** Log-probability of the id at a position of a canvas, from the definition of a softmax. */
  private static double logProbability(HashModel model, int[] canvas, int position, int id) {
    float[] logits = model.logits(canvas)[position];
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit);
    }
    return logits[id] - Math.log(sum);
  }

  /** LLaDA's bound as it is defined: over l, over the sets of l, over their members. */
  private static double bound(HashModel model, Passage passage) {
    int[] completion = passage.completion();
    double bound = 0;
    for (int size = 1; size <= LENGTH; size++) {
      double sum = 0;
      int sets = 0;
      for (int set = 0; set < 1 << LENGTH; set++) {
        if (Integer.bitCount(set) == size) {
          sets++;
          int bits = set;
          int[] canvas =
              IntStream.concat(
                      IntStream.of(passage.prompt()),
                      IntStream.range(0, LENGTH)
                          .map(i -> (bits >> i & 1) == 1 ? MASK : completion[i]))
                  .toArray();
          for (int i = 0; i < LENGTH; i++) {
            if ((set >> i & 1) == 1) {
              int position = passage.prompt().length + i;
              sum += logProbability(model, canvas, position, completion[i]);
            }
          }
        }
      }
      bound += sum / sets * LENGTH / size / LENGTH;
    }
    return bound;
  }

  /** The sum over all that a source of numbers could say, weighted with how probable that is. */
  private static double expectation(ToDoubleFunction<IntUnaryOperator> of) {
    List<int[]> said = new ArrayList<>(); // number and bound, each number from 0 up
    double expectation = 0;
    do {
      int[] next = {0};
      double[] probability = {1};
      double value =
          of.applyAsDouble(
              bound -> {
                if (next[0] == said.size()) {
                  said.add(new int[] {0, bound});
                }
                probability[0] /= bound;
                return said.get(next[0]++)[0];
              });
      expectation += probability[0] * value;
      while (!said.isEmpty() && said.getLast()[0] + 1 == said.getLast()[1]) {
        said.removeLast();
      }
      if (!said.isEmpty()) {
        said.getLast()[0]++;
      }
    } while (!said.isEmpty());
    return expectation;
  }

  private static double value(HashModel model, Passage passage, Plan plan) {
    Part part = Part.of(passage, FULL).getFirst();
    return plan.result(
            plan.looks().stream()
                .map(look -> part.query(look, MASK, Draw.GREEDY))
                .map(query -> model.predict(List.of(query)).getFirst())
                .map(
                    rows ->
                        rows.stream()
                            .mapToDouble(row -> row.targetLogProbability().orElseThrow())
                            .toArray())
                .toList())
        .value();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void theExpectationOverAllDrawsIsTheBoundThatEnumerationGivesAndTheDefinition(long seed) {
    HashModel model = model(seed, FULL);
    Passage passage = random(seed);
    double bound = bound(model, passage);
    assertThat(measured(model, passage, new ExactBound()).value()).isCloseTo(bound, within(1e-12));
    MonteCarloBound sampled = new MonteCarloBound(1, 0);
    assertThat(expectation(below -> value(model, passage, sampled.plan(LENGTH, _ -> below))))
        .isCloseTo(bound, within(1e-9));
    CoupledMasks coupled = new CoupledMasks(1, 0);
    assertThat(expectation(below -> value(model, passage, coupled.plan(LENGTH, _ -> below))))
        .isCloseTo(bound, within(1e-9));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void drawsOfASeedAreWithinFiveStandardErrorsOfTheBoundAndTheCoupledOnesNearer(long seed) {
    HashModel model = model(seed, FULL);
    Passage passage = random(seed);
    double bound = bound(model, passage);
    LogLikelihood sampled = measured(model, passage, new MonteCarloBound(2000, seed));
    LogLikelihood coupled = measured(model, passage, new CoupledMasks(2000, seed));
    for (LogLikelihood each : List.of(sampled, coupled)) {
      double error = each.standardError().orElseThrow();
      assertThat(each.value()).isCloseTo(bound, within(5 * error));
      assertThat(each.tokens().stream().mapToDouble(token -> token).sum())
          .isCloseTo(each.value(), within(1e-9));
    }
    assertThat(coupled.standardError().orElseThrow())
        .isLessThan(sampled.standardError().orElseThrow());
  }

  @ParameterizedTest(name = "blocks of {0}")
  @ValueSource(ints = {2, 3, 4, 32})
  void theChainOverAllCompletionsIsADistribution(int block) {
    AttentionPattern pattern = block == 32 ? FULL : new AttentionPattern.BlockCausal(block);
    HashModel model = model(block, pattern);
    int ids = MASK + 1;
    double sum = 0;
    for (int text = 0; text < ids * ids * ids; text++) {
      int[] completion = {text % ids, text / ids % ids, text / ids / ids};
      LogLikelihood chain = measured(model, new Passage(new int[] {3}, completion), new Chain());
      assertThat(chain.tokens().stream().mapToDouble(token -> token).sum())
          .isCloseTo(chain.value(), within(1e-12));
      sum += Math.exp(chain.value());
    }
    assertThat(sum).isCloseTo(1, within(1e-9));
  }

  @Test
  void theChainMasksTheTokenAndAllBehindItAndTheFullMaskEverything() {
    HashModel model = model(1, FULL);
    Passage passage = random(1);
    int[] completion = passage.completion();
    LogLikelihood chain = measured(model, passage, new Chain());
    assertThat(model.asked.getFirst()).hasSize(LENGTH);
    int[] canvas = new int[passage.length()];
    for (int token = 0; token < LENGTH; token++) {
      System.arraycopy(passage.prompt(), 0, canvas, 0, passage.prompt().length);
      for (int each = 0; each < LENGTH; each++) {
        canvas[passage.prompt().length + each] = each < token ? completion[each] : MASK;
      }
      assertThat(chain.tokens().get(token))
          .isCloseTo(
              logProbability(model, canvas, passage.prompt().length + token, completion[token]),
              within(1e-12));
    }
    int[] masked = new int[passage.length()];
    Arrays.fill(masked, MASK);
    System.arraycopy(passage.prompt(), 0, masked, 0, passage.prompt().length);
    for (int token = 0; token < LENGTH; token++) {
      assertThat(chain.fullMask().get(token))
          .isCloseTo(
              logProbability(model, masked, passage.prompt().length + token, completion[token]),
              within(1e-12));
    }
  }

  @Test
  void aBlockIsSeenWithThoseBeforeItAndWithMasksToItsEnd() {
    HashModel model = model(2, new AttentionPattern.BlockCausal(3));
    Passage passage = new Passage(new int[] {1, 2}, new int[] {3, 4, 5});
    LogLikelihood exact = measured(model, passage, new Exact());
    assertThat(exact).isEqualTo(measured(model, passage, new Chain()));
    assertThat(model.asked.getFirst().stream().map(Query::tokens))
        .containsExactly(
            new int[] {1, 2, MASK},
            new int[] {1, 2, 3, MASK, MASK, MASK},
            new int[] {1, 2, 3, 4, MASK, MASK});
    assertThat(new Exact().name(model.pattern)).isEqualTo("block_chain");
    assertThat(measured(model, passage, new ExactBound()).value())
        .isCloseTo(
            measured(model, new Passage(new int[] {1, 2}, new int[] {3}), new ExactBound()).value()
                + measured(
                        model, new Passage(new int[] {1, 2, 3}, new int[] {4, 5}), new ExactBound())
                    .value(),
            within(1e-12));
  }

  @Test
  void aDrawDependsOnTheSeedAndTheIdsAlone() {
    HashModel model = model(3, FULL);
    Passage passage = random(3);
    LogLikelihood alone = measured(model, passage, new MonteCarloBound(8, 1));
    assertThat(measured(model, passage, new MonteCarloBound(8, 1))).isEqualTo(alone);
    assertThat(measured(model, passage, new MonteCarloBound(8, 2))).isNotEqualTo(alone);
    List<Part> parts = withPrompts(passage).map(each -> Part.of(each, FULL).getFirst()).toList();
    assertThat(parts.stream().map(part -> masks(part)).distinct()).hasSize(parts.size());
  }

  @Test
  void oneTokenHasItsProbabilityByEveryMethodAndNoErrorAndOneSampleNone() {
    HashModel model = model(4, FULL);
    Passage passage = new Passage(new int[] {1, 2}, new int[] {3});
    double value = measured(model, passage, new Chain()).value();
    for (Estimator each :
        List.of(new MonteCarloBound(3, 0), new CoupledMasks(3, 0), new ExactBound())) {
      LogLikelihood found = measured(model, passage, each);
      assertThat(found.value()).isCloseTo(value, within(1e-12));
      assertThat(found.standardError().orElse(0)).isZero();
    }
    assertThat(measured(model, random(4), new MonteCarloBound(1, 0)).standardError()).isEmpty();
    assertThat(measured(model, random(4), new Chain()).standardError()).isEmpty();
  }

  @Test
  void aCausalModelHasTheSumOverOneForward() {
    HashModel model = model(5, new AttentionPattern.Causal());
    Passage passage = random(5);
    LogLikelihood exact = measured(model, passage, new Exact());
    int[] text =
        IntStream.concat(IntStream.of(passage.prompt()), IntStream.of(passage.completion()))
            .toArray();
    double sum = 0;
    for (int position = passage.prompt().length; position < text.length; position++) {
      sum += logProbability(model, text, position - 1, text[position]);
    }
    assertThat(exact.value()).isCloseTo(sum, within(1e-12));
    assertThat(exact.tokens()).hasSize(LENGTH);
    assertThat(exact.fullMask()).isEmpty();
    assertThat(model.forwards).isEqualTo(1);
  }

  @Test
  void whatIsNotDefinedIsRefusedWithWhatIs() {
    Passage passage = random(6);
    assertThatThrownBy(() -> new Exact().requireFit(limits(FULL)))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessageContaining("use chain")
        .hasMessageContaining("elbo_mc");
    assertThatThrownBy(
            () -> Measurement.of(passage, new Chain(), limits(new AttentionPattern.Causal()), MASK))
        .hasMessageContaining("method chain masks tokens")
        .hasMessageContaining("use exact");
    assertThatThrownBy(
            () ->
                Measurement.of(
                    new Passage(new int[] {1}, new int[13]), new ExactBound(), limits(FULL), MASK))
        .hasMessageContaining("up to 12 tokens");
    assertThatThrownBy(
            () ->
                Measurement.of(
                    new Passage(new int[] {1}, new int[0]), new Chain(), limits(FULL), MASK))
        .hasMessageContaining("nothing to score");
    assertThatThrownBy(
            () ->
                Measurement.of(
                    new Passage(new int[0], new int[] {1}),
                    new Exact(),
                    limits(new AttentionPattern.Causal()),
                    MASK))
        .hasMessageContaining("from one before it");
    assertThatThrownBy(
            () ->
                Measurement.of(
                    new Passage(new int[30], new int[3]), new Chain(), limits(FULL), MASK))
        .hasMessageContaining("takes 32 tokens");
    assertThatThrownBy(
            () ->
                Measurement.of(
                    new Passage(new int[] {1}, new int[] {2, 9}), new Chain(), limits(FULL), MASK))
        .hasMessageContaining("id 9 at position 1 is no token: ids are 0 to 6");
  }

  private static List<String> masks(Part part) {
    return IntStream.range(0, 32)
        .mapToObj(
            sample ->
                Arrays.toString(MaskDraws.draw(LENGTH, LENGTH, MaskDraws.source(1, part, sample))))
        .toList();
  }

  private static Stream<Passage> withPrompts(Passage passage) {
    return IntStream.range(0, MASK)
        .mapToObj(id -> new Passage(new int[] {id}, passage.completion()));
  }
}
