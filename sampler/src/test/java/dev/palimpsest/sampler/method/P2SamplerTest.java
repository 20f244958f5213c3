package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** P2 against its published loop, written plainly, and each of its choices. */
class P2SamplerTest {
  private static final int MASK = 0;
  private static final SpecialTokens SPECIALS = new SpecialTokens(MASK, 1, OptionalInt.empty());

  private static LongStream seeds() {
    return LongStream.range(0, 300);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyStateIsThatOfThePublishedLoop(long seed) {
    AnyCase request = AnyCase.of(seed, P2Sampler.NAME);
    SamplerRun run = request.run();
    for (int[] state : reference(request)) {
      step(run, request.model());
      assertThat(run.canvas().ids()).as("seed %d", seed).isEqualTo(state);
    }
    assertThat(run.finished()).isTrue();
    assertThat(run.canvas().ids()).doesNotContain(MASK);
  }

  /** Over full logits and {@code x == mask}, by repeated minimum. */
  private static List<int[]> reference(AnyCase request) {
    P2Options options = (P2Options) request.options();
    int first = request.prompt().length;
    int[] x = Arrays.copyOf(request.prompt(), first + options.genLength());
    Arrays.fill(x, first, x.length, MASK);
    List<int[]> states = new ArrayList<>();
    for (int i = 1; i <= options.steps(); i++) {
      float[][] logits = request.model().logits(x);
      int[] x0 = new int[x.length];
      double[] score = new double[x.length];
      for (int p = first; p < x.length; p++) {
        ReferenceDraw draw =
            new ReferenceDraw(logits[p], options.draw(), MASK, options.seed(), i - 1, p);
        x0[p] = draw.token;
        score[p] = Math.log(draw.confidence());
        if (x[p] != MASK) {
          // At 0 the published comparison, which is strict, spares every filled position.
          score[p] = options.eta() == 0 ? Double.POSITIVE_INFINITY : options.eta() * score[p];
        }
      }
      boolean[] lowest = new boolean[x.length];
      int masks = (int) ((float) options.genLength() * (float) (1 - i * (1.0 / options.steps())));
      for (int k = 0; k < masks; k++) {
        int worst = -1;
        for (int p = first; p < x.length; p++) {
          if (!lowest[p] && (worst < 0 || score[p] <= score[worst])) {
            worst = p;
          }
        }
        lowest[worst] = true;
      }
      for (int p = first; p < x.length; p++) {
        x[p] = lowest[p] ? MASK : x[p] == MASK ? x0[p] : x[p];
      }
      states.add(x.clone());
    }
    return states;
  }

  /** As torch computes it: 22 positions in 22 steps have 12 masks after the ninth, not 13. */
  @ParameterizedTest(name = "{0} positions in {1} steps")
  @CsvSource({
    "13, 7, 11 9 7 5 3 1 0",
    "10, 16, 9 8 8 7 6 6 5 5 4 3 3 2 1 1 0 0",
    "20, 6, 16 13 10 6 3 0",
    "22, 22, 21 20 19 18 17 16 15 14 12 12 11 10 9 8 7 6 5 4 3 2 1 0",
  })
  void theMasksThatAStepLeavesAreThePublishedOnes(int positions, int steps, String masks) {
    P2Options options = options(Map.of("gen_length", positions, "steps", steps, "eta", 2));
    SamplerRun run = new SamplerRun(options.sampler(SPECIALS), new int[] {3}, positions);
    HashModel model = new HashModel(9, 4, 3, 0, -1);
    List<Integer> left = new ArrayList<>();
    while (!run.finished()) {
      left.add(step(run, model).openLeft());
    }
    assertThat(left).isEqualTo(Arrays.stream(masks.split(" ")).map(Integer::valueOf).toList());
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void whatAStepFillsAndMasksAgainAddsUpToItsSchedule(long seed) {
    AnyCase request = AnyCase.of(seed, P2Sampler.NAME);
    P2Options options = (P2Options) request.options();
    SamplerRun run = request.run();
    int masked = options.genLength();
    while (!run.finished()) {
      Query query = run.ask();
      Snapshot snapshot = run.step(request.model().predict(List.of(query)).getFirst(), 0);
      masked += snapshot.remasked().length - snapshot.commits().size();
      assertThat(snapshot.openLeft()).as("seed %d", seed).isEqualTo(masked);
      if (options.eta() == 0) {
        assertThat(snapshot.remasked()).isEmpty();
      }
      boolean changes = snapshot.remasked().length + snapshot.commits().size() > 0;
      assertThat(query.rows().length > 0 || !changes).as("seed %d", seed).isTrue();
      assertThat(snapshot.commits().stream().mapToDouble(Commit::confidence).toArray())
          .isSortedAccordingTo((a, b) -> Double.compare(b, a));
    }
    assertThat(masked).isZero();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void withoutMaskingAgainItIsLladasSamplerOverTheWholeCanvas(long seed) {
    AnyCase request = AnyCase.of(seed, LladaSampler.NAME);
    SamplerRun p2 =
        new SamplerRun(
            options(Map.of("gen_length", 16, "steps", 4, "eta", 0)).sampler(request.specials()),
            request.prompt(),
            16);
    SamplerRun llada =
        new SamplerRun(
            LladaOptions.of(Map.of("gen_length", 16, "steps", 4, "block_length", 16))
                .sampler(request.specials()),
            request.prompt(),
            16);
    while (!p2.finished()) {
      assertThat(step(p2, request.model()).canvas())
          .as("seed %d", seed)
          .isEqualTo(step(llada, request.model()).canvas());
    }
  }

  @Test
  void ofEqualScoresTheHigherPositionIsMaskedFilledOrNot() {
    // Half of it is filled. One of four may stay masked, and all draw tokens of one probability.
    SamplerRun run = halfFilled(options(Map.of("gen_length", 4, "steps", 4)), 2);
    Snapshot snapshot = run.step(predictions(run.ask(), 0.5, 0.5, 0.5, 0.5), 0);
    assertThat(snapshot.remasked()).isEmpty();
    assertThat(snapshot.commits()).extracting(Commit::position).containsExactly(2);
    SamplerRun lower = halfFilled(options(Map.of("gen_length", 4, "steps", 4)), 1);
    Snapshot two = lower.step(predictions(lower.ask(), 0.5, 0.1, 0.9, 0.1), 0);
    assertThat(two.remasked()).containsExactly(1);
    assertThat(two.commits()).extracting(Commit::position).containsExactly(2);
  }

  @ParameterizedTest(name = "eta {0}")
  @CsvSource({"0, ''", "0.5, ''", "1.4, '1'", "3, '0 1'"})
  void etaSaysHowMuchMoreReadilyFilledPositionsAreMaskedAgain(double eta, String remasked) {
    // ln 0.6 is -0.51, ln 0.5 is -0.69 and ln 0.4 is -0.92.
    SamplerRun run = halfFilled(options(Map.of("gen_length", 4, "steps", 4, "eta", eta)), 1);
    Query query = run.ask();
    double[] all = {0.6, 0.5, 0.4, 0.4};
    double[] asked = Arrays.stream(query.rows()).mapToDouble(row -> all[row]).toArray();
    Snapshot snapshot = run.step(predictions(query, asked), 0);
    assertThat(query.rows()).hasSize(eta == 0 ? 2 : 4);
    assertThat(snapshot.openLeft()).isEqualTo(2);
    assertThat(Arrays.stream(snapshot.remasked()).boxed().map(String::valueOf).toList())
        .isEqualTo(remasked.isEmpty() ? List.of() : List.of(remasked.split(" ")));
  }

  @Test
  void aFilledPositionThatIsSparedKeepsItsTokenWhateverIsDrawnThere() {
    SamplerRun run = halfFilled(options(Map.of("gen_length", 4, "steps", 4)), 1);
    run.step(predictions(run.ask(), 0.9, 0.9, 0.1, 0.1), 0);
    CanvasImage canvas = run.canvas();
    assertThat(IntStream.range(0, 4).map(canvas::id)).containsExactly(7, 7, MASK, MASK);
    assertThat(canvas.state(0)).isEqualTo(CellState.COMMITTED);
  }

  @Test
  void aStepThatFindsEverythingFilledAndMasksNothingAsksForNothing() {
    SamplerRun run =
        new SamplerRun(
            options(Map.of("gen_length", 2, "steps", 5)).sampler(SPECIALS), new int[0], 2);
    HashModel model = new HashModel(9, 4, 3, 0, -1);
    List<Integer> rows = new ArrayList<>();
    while (!run.finished()) {
      rows.add(run.ask().rows().length);
      step(run, model);
    }
    assertThat(rows).containsExactly(2, 2, 1, 0, 0);
  }

  @Test
  void nothingOfTheTextIsSettledBeforeTheEndIfItMayBeMaskedAgain() {
    for (double eta : new double[] {0, 1}) {
      P2Sampler sampler =
          options(Map.of("gen_length", 4, "steps", 4, "eta", eta)).sampler(SPECIALS);
      CanvasImage canvas = half();
      assertThat(sampler.settled(canvas, new Cursor(2, 0, 2, 0))).isEqualTo(eta == 0 ? 2 : 0);
      assertThat(sampler.settled(canvas, new Cursor(4, 0, 4, 0))).isEqualTo(2);
    }
  }

  @Test
  void wrongOptionsAreNamed() {
    assertThatThrownBy(() -> options(Map.of("eta", -0.5)))
        .hasMessage("eta -0.5 is invalid: use a number of 0 or above");
    assertThatThrownBy(() -> options(Map.of("steps", 0)))
        .hasMessage("steps 0 is too small: use 1 or above");
    assertThatThrownBy(() -> options(Map.of("remasking", "cap")))
        .hasMessageStartingWith("remasking cap is no option of the sampler p2, but of llada");
  }

  private static CanvasImage half() {
    Canvas canvas = new Canvas(new int[0], 4, MASK);
    canvas.commit(0, 7);
    canvas.commit(1, 7);
    return canvas.image();
  }

  /** Four positions, two of them filled, after so many steps. */
  private static SamplerRun halfFilled(P2Options options, int steps) {
    return SamplerRun.resume(options.sampler(SPECIALS), half(), new Cursor(steps, 0, steps, 0));
  }

  private static List<Prediction> predictions(Query query, double... probabilities) {
    assertThat(query.rows()).hasSameSizeAs(probabilities);
    return Arrays.stream(probabilities).mapToObj(p -> new Prediction(3, p, 3, p, 0, 0, 0)).toList();
  }

  private static P2Options options(Map<String, ?> values) {
    return (P2Options) SamplingOptions.of(P2Sampler.NAME, values);
  }

  private static Snapshot step(SamplerRun run, HashModel model) {
    return run.step(model.predict(List.of(run.ask())).getFirst(), 0);
  }
}
