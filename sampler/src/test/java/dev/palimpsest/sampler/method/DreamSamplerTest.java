package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Dream's loop against its pseudo-code, its golden schedules, and its quirks decided. */
class DreamSamplerTest {
  private static final int MASK = 0;
  private static final SpecialTokens SPECIALS = new SpecialTokens(MASK, 1, OptionalInt.empty());

  private static LongStream seeds() {
    return LongStream.range(0, 300);
  }

  @ParameterizedTest(name = "{0} steps for as many masks")
  @ValueSource(ints = {16, 32, 128, 256, 512})
  void withAStepAPositionTheFirstCommitsNothingAndTheLastTwo(int n) {
    List<Integer> counts = counts(n, n, 1e-3);
    assertThat(counts.getFirst()).isZero();
    assertThat(counts.subList(1, n - 1)).containsOnly(1);
    assertThat(counts.getLast()).isEqualTo(2);
  }

  @Test
  void sixtyFourMasksInSixteenSteps() {
    List<Integer> counts = counts(64, 16, 1e-3);
    assertThat(counts.getFirst()).isEqualTo(3);
    assertThat(counts.subList(1, 15)).containsOnly(4);
    assertThat(counts.getLast()).isEqualTo(5);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyMaskIsTakenByTheLastStep(long seed) {
    Random random = new Random(seed);
    int n = random.nextInt(600);
    List<Integer> counts = counts(n, 1 + random.nextInt(600), 0.001 + 0.9 * random.nextDouble());
    assertThat(counts.stream().mapToInt(Integer::intValue).sum()).isEqualTo(n);
    assertThat(counts).allMatch(count -> count >= 0);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyStateIsThatOfThePseudoCode(long seed) {
    AnyCase request = AnyCase.of(seed, DreamSampler.NAME);
    List<int[]> expected = reference(request);
    SamplerRun run = request.run();
    assertThat(run.canvas().ids()).isEqualTo(expected.getFirst());
    for (int[] state : expected.subList(1, expected.size())) {
      step(run, request.model());
      assertThat(run.canvas().ids()).as("seed %d", seed).isEqualTo(state);
    }
    assertThat(run.finished()).as("seed %d", seed).isTrue();
    assertThat(run.canvas().positions(CellState.MASKED, 0, run.canvas().length())).isEmpty();
  }

  /** {@code _sample} for a batch of one, over full logits. */
  private static List<int[]> reference(AnyCase request) {
    DreamOptions options = (DreamOptions) request.options();
    int[] x = Arrays.copyOf(request.prompt(), request.prompt().length + options.genLength());
    Arrays.fill(x, request.prompt().length, x.length, MASK);
    List<int[]> states = new ArrayList<>(List.of(x.clone()));
    float[] ts = new float[options.steps() + 1];
    for (int i = 0; i <= options.steps(); i++) {
      float end = (float) options.eps();
      float width = (end - 1f) / options.steps();
      ts[i] = i < ts.length / 2 ? 1f + width * i : end - width * (options.steps() - i);
    }
    for (int i = 0; i < options.steps(); i++) {
      int step = i;
      int[] before = x.clone();
      float[][] logits = request.model().logits(before);
      int[] masked = IntStream.range(0, x.length).filter(p -> before[p] == MASK).toArray();
      List<ReferenceDraw> drawn = new ArrayList<>();
      for (int p = 0; p < x.length; p++) {
        drawn.add(new ReferenceDraw(logits[p], options.draw(), MASK, options.seed(), step, p));
      }
      float share = i < options.steps() - 1 ? 1 - ts[i + 1] / ts[i] : 1;
      if (options.alg() == DreamOptions.Algorithm.ORIGIN) {
        for (int p : masked) {
          if (uniform(options, step, p, Purposes.UNMASKING) < share) {
            x[p] = drawn.get(p).token;
          }
        }
      } else {
        double[] full = new double[x.length];
        Arrays.fill(full, Double.NEGATIVE_INFINITY);
        for (int p : masked) {
          ReferenceDraw draw = drawn.get(p);
          double confidence =
              switch (options.alg()) {
                case TOPK_MARGIN -> draw.margin();
                case ENTROPY -> draw.negativeEntropy();
                default -> draw.confidence();
              };
          double algTemp = options.algTemp().orElse(0);
          full[p] =
              algTemp == 0
                  ? confidence
                  : confidence / algTemp
                      - Math.log(-Math.log(uniform(options, step, p, Purposes.RANKING)));
        }
        for (int k = (int) (masked.length * share); k > 0; k--) {
          int best = masked[0];
          for (int p : masked) {
            best = full[p] > full[best] ? p : best;
          }
          full[best] = Double.NEGATIVE_INFINITY;
          x[best] = drawn.get(best).token;
        }
      }
      states.add(x.clone());
    }
    return states;
  }

  private static double uniform(DreamOptions options, int step, int p, Philox.Purpose purpose) {
    int[] words = new int[4];
    Philox.block(options.seed(), step, p, purpose, 0, words);
    return Philox.uniform(words[0]);
  }

  @Test
  void aBatchsMeanGivesEveryRowItsCountAndOverwritesNothing() {
    // 40 masks on average, 8 in this row: the reference's k is that of 40.
    DreamOptions options =
        options(Map.of("steps", 10, "gen_length", 8, "alg", "entropy", "batch_mean_k", 40));
    List<Snapshot> snapshots = snapshots(options, new int[] {5, 6});
    assertThat(snapshots.stream().map(s -> s.commits().size()))
        .containsExactly(3, 4, 1, 0, 0, 0, 0, 0, 0, 0);
    assertThat(snapshots.getLast().canvas().ids()).startsWith(5, 6).doesNotContain(MASK);
    // Rows of equal numbers of masks need no batch.
    DreamOptions own = options(Map.of("steps", 10, "gen_length", 24, "alg", "entropy"));
    DreamOptions mean =
        options(Map.of("steps", 10, "gen_length", 24, "alg", "entropy", "batch_mean_k", 24));
    assertThat(snapshots(mean, new int[] {5})).isEqualTo(snapshots(own, new int[] {5}));
  }

  @Test
  void originAsksOnlyForThePositionsItFills() {
    DreamOptions options = options(Map.of("steps", 6, "gen_length", 30, "seed", 4));
    for (Snapshot snapshot : snapshots(options, new int[] {5})) {
      assertThat(snapshot.commits().stream().mapToInt(Commit::position).sorted())
          .containsExactly(Arrays.stream(snapshot.rows()).boxed().toArray(Integer[]::new));
    }
  }

  @Test
  void originFillsAPositionAtEveryStepWithTheSameChance() {
    int steps = 8;
    int positions = 20_000;
    DreamOptions options = options(Map.of("steps", steps, "gen_length", positions, "seed", 11));
    SamplerRun run = new SamplerRun(options.sampler(SPECIALS), new int[0], positions);
    int[] perStep = new int[steps];
    while (!run.finished()) {
      int rows = run.ask().rows().length;
      perStep[run.cursor().step()] = rows;
      Prediction any = new Prediction(3, 1, 3, 1, 0, 0, 0);
      run.step(Collections.nCopies(rows, any), 0);
    }
    for (int count : perStep) {
      double p = 1.0 / steps;
      assertThat((double) count / positions)
          .isCloseTo(p, within(5 * Math.sqrt(p / positions) + 2e-3));
    }
  }

  @Test
  void algTempDrawsPositionsByTheSoftmaxOfTheirScores() {
    // Three positions with confidences c: the first chosen follows softmax(c / alg_temp).
    double[] confidences = {0.9, 0.5, 0.2};
    double algTemp = 0.4;
    int draws = 20_000;
    int[] first = new int[3];
    for (int seed = 0; seed < draws; seed++) {
      DreamOptions options =
          options(
              Map.of(
                  "steps",
                  1,
                  "gen_length",
                  3,
                  "alg",
                  "maskgit_plus",
                  "alg_temp",
                  algTemp,
                  "seed",
                  seed));
      SamplerRun run = new SamplerRun(options.sampler(SPECIALS), new int[0], 3);
      List<Prediction> predictions = new ArrayList<>();
      for (double confidence : confidences) {
        predictions.add(new Prediction(3, confidence, 3, confidence, 0, 0, 0));
      }
      first[run.step(predictions, 0).commits().getFirst().position()]++;
    }
    double[] expected =
        ReferenceLlada.softmax(Arrays.stream(confidences).map(c -> c / algTemp).toArray());
    for (int p = 0; p < 3; p++) {
      double sigma = Math.sqrt(expected[p] * (1 - expected[p]) / draws);
      assertThat((double) first[p] / draws).isCloseTo(expected[p], within(5 * sigma));
    }
  }

  @Test
  void wrongOptionsAreNamed() {
    assertThatThrownBy(() -> options(Map.of("alg", "best")))
        .hasMessage("alg best is unknown: use origin, maskgit_plus, topk_margin or entropy");
    assertThatThrownBy(() -> options(Map.of("eps", 0)))
        .hasMessage("eps 0.0 is no time: use a number between 0 and 1");
    assertThatThrownBy(() -> options(Map.of("alg_temp", 0.5)))
        .hasMessageStartingWith("alg_temp 0.5 needs a ranking");
    assertThatThrownBy(() -> options(Map.of("block_length", 4)))
        .hasMessageStartingWith(
            "block_length 4 is no option of the sampler dream, but of llada and block and sub_block and seeded_block and linear_spec");
    assertThatThrownBy(() -> options(Map.of("top_p", 0)))
        .hasMessage("top_p 0.0 is no probability: use above 0, up to 1");
    assertThatThrownBy(() -> SamplingOptions.of("drem", Map.of()))
        .hasMessage(
            "sampler drem is unknown: use one of llada, dream, remdm, p2, block, sub_block, seeded_block, linear_spec, wedlm, isd, entropy_bound, decode");
  }

  private static DreamOptions options(Map<String, ?> values) {
    return (DreamOptions) SamplingOptions.of(DreamSampler.NAME, values);
  }

  private static List<Integer> counts(int masks, int steps, double eps) {
    DreamSchedule schedule = new DreamSchedule(steps, eps);
    List<Integer> counts = new ArrayList<>();
    int left = masks;
    for (int step = 0; step < steps; step++) {
      counts.add(schedule.count(step, left));
      assertThat(schedule.countFromStart(step, masks)).isEqualTo(counts.getLast());
      left -= counts.getLast();
    }
    return counts;
  }

  private static List<Snapshot> snapshots(DreamOptions options, int[] prompt) {
    HashModel model = new HashModel(12, 3, 4, 0, -1);
    SamplerRun run = new SamplerRun(options.sampler(SPECIALS), prompt, options.genLength());
    List<Snapshot> snapshots = new ArrayList<>();
    while (!run.finished()) {
      snapshots.add(step(run, model));
    }
    return snapshots;
  }

  private static Snapshot step(SamplerRun run, HashModel model) {
    return run.step(model.predict(List.of(run.ask())).get(0), 0);
  }
}
