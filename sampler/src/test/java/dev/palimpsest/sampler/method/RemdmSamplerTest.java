package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.Canvas;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** ReMDM against its posterior, state by state and in distribution. */
class RemdmSamplerTest {
  private static final int MASK = 0;
  private static final SpecialTokens SPECIALS = new SpecialTokens(MASK, 1, OptionalInt.empty());

  private static LongStream seeds() {
    return LongStream.range(0, 300);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyStateIsThatOfThePosterior(long seed) {
    AnyCase request = AnyCase.of(seed, RemdmSampler.NAME);
    List<int[]> expected = reference(request);
    SamplerRun run = request.run();
    for (int[] state : expected) {
      run.step(request.model().predict(List.of(run.ask())).get(0), 0);
      assertThat(run.canvas().ids()).as("seed %d", seed).isEqualTo(state);
    }
    assertThat(run.finished()).isTrue();
    assertThat(run.canvas().ids()).doesNotContain(MASK);
  }

  /** Formula by formula over times, full logits and {@code z == mask}. */
  private static List<int[]> reference(AnyCase request) {
    RemdmOptions options = (RemdmOptions) request.options();
    int first = request.prompt().length;
    int[] z = Arrays.copyOf(request.prompt(), first + options.genLength());
    Arrays.fill(z, first, z.length, MASK);
    List<int[]> states = new ArrayList<>();
    for (int i = 0; i < options.steps(); i++) {
      double alphaT = (double) i / options.steps();
      double alphaS = (double) (i + 1) / options.steps();
      double sigmaMax = alphaT == 0 ? 1 : Math.min(1, (1 - alphaS) / alphaT);
      float[][] logits = request.model().logits(z);
      double[] psi = new double[z.length];
      double normalizer = 0;
      for (int p = first; p < z.length; p++) {
        ReferenceDraw draw =
            new ReferenceDraw(logits[p], options.draw(), MASK, options.seed(), i, p);
        int argmax = drawable(draw, logits[p]);
        psi[p] = argmax == z[p] ? Arrays.stream(draw.p).max().orElseThrow() : 0;
        normalizer += z[p] == MASK ? 0 : Math.exp(-psi[p]);
      }
      int[] before = z.clone();
      for (int p = first; p < z.length; p++) {
        double sigma =
            switch (options.remasking()) {
              case CAP -> Math.min(options.eta(), sigmaMax);
              case RESCALE -> options.eta() * sigmaMax;
              case CONF ->
                  before[p] == MASK ? 0 : options.eta() * sigmaMax * Math.exp(-psi[p]) / normalizer;
              default -> throw new AssertionError(options.remasking());
            };
        if (before[p] == MASK) {
          double unmask =
              i == options.steps() - 1 ? 1 : (alphaS - (1 - sigma) * alphaT) / (1 - alphaT);
          if (uniform(options, i, p, Purposes.UNMASKING) < unmask) {
            z[p] = new ReferenceDraw(logits[p], options.draw(), MASK, options.seed(), i, p).token;
          }
        } else if (uniform(options, i, p, Purposes.MASKING_AGAIN) < sigma) {
          z[p] = MASK;
        }
      }
      states.add(z.clone());
    }
    return states;
  }

  private static int drawable(ReferenceDraw draw, float[] logits) {
    int best = -1;
    for (int v = 0; v < logits.length; v++) {
      if (v != MASK && draw.p[v] > 0 && (best < 0 || logits[v] > logits[best])) {
        best = v;
      }
    }
    return best;
  }

  private static double uniform(RemdmOptions options, int step, int p, Philox.Purpose purpose) {
    int[] words = new int[4];
    Philox.block(options.seed(), step, p, purpose, 0, words);
    return Philox.uniform(words[0]);
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({"cap, 0.02", "cap, 1", "rescale, 0.3", "rescale, 1", "cap, 0"})
  void whateverIsMaskedAgainTheShareOfMasksFollowsTheSchedule(String strategy, double eta) {
    int positions = 20_000;
    int steps = 10;
    RemdmOptions options =
        options(
            Map.of(
                "steps",
                steps,
                "gen_length",
                positions,
                "remasking",
                strategy,
                "eta",
                eta,
                "seed",
                5));
    SamplerRun run = new SamplerRun(options.sampler(SPECIALS), new int[0], positions);
    int remasked = 0;
    while (!run.finished()) {
      Snapshot snapshot = step(run);
      double expected = 1 - (snapshot.step() + 1.0) / steps;
      assertThat((double) snapshot.openLeft() / positions)
          .as("after step %d", snapshot.step())
          .isCloseTo(expected, within(5 * Math.sqrt(expected / positions) + 1e-12));
      remasked += snapshot.remasked().length;
    }
    assertThat(remasked > 0).isEqualTo(eta > 0);
  }

  @ParameterizedTest(name = "{0} {1}")
  @CsvSource({"cap, 0.05", "cap, 0.5", "rescale, 0.4"})
  void aFilledPositionIsMaskedAgainWithTheProbabilityOfItsStrategy(String strategy, double eta) {
    int positions = 20_000;
    int steps = 8;
    RemdmOptions options =
        options(
            Map.of(
                "steps",
                steps,
                "gen_length",
                positions,
                "remasking",
                strategy,
                "eta",
                eta,
                "seed",
                6));
    SamplerRun run = new SamplerRun(options.sampler(SPECIALS), new int[0], positions);
    while (!run.finished()) {
      int filled = positions - run.canvas().positions(CellState.MASKED, 0, positions).length;
      Snapshot snapshot = step(run);
      double alphaT = (double) snapshot.step() / steps;
      double most = alphaT == 0 ? 1 : Math.min(1, (1 - alphaT - 1.0 / steps) / alphaT);
      double sigma = strategy.equals("cap") ? Math.min(eta, most) : eta * most;
      if (filled > 0) {
        assertThat((double) snapshot.remasked().length / filled)
            .as("step %d", snapshot.step())
            .isCloseTo(sigma, within(5 * Math.sqrt(sigma * (1 - sigma) / filled) + 1e-12));
      }
    }
  }

  @Test
  void confMasksTheUnsureAgainMoreOftenThanTheSure() {
    // Even positions are sure of what stands there, odd ones would now write something else.
    int positions = 40;
    int[] remasked = new int[2];
    for (int seed = 0; seed < 4000; seed++) {
      RemdmOptions options =
          options(
              Map.of(
                  "steps",
                  4,
                  "gen_length",
                  positions,
                  "remasking",
                  "conf",
                  "eta",
                  1,
                  "seed",
                  seed));
      Canvas canvas = new Canvas(new int[0], positions, MASK);
      for (int p = 0; p < positions / 2; p++) {
        canvas.commit(p, 3);
      }
      SamplerRun run =
          SamplerRun.resume(options.sampler(SPECIALS), canvas.image(), new Cursor(2, 0, 2, 0));
      Query query = run.ask();
      List<Prediction> predictions = new ArrayList<>();
      for (int row : query.rows()) {
        int argmax = row % 2 == 0 ? 3 : 4;
        predictions.add(new Prediction(argmax, 1, argmax, 1, 0, 0, 0));
      }
      for (int p : run.step(predictions, 0).remasked()) {
        remasked[p % 2]++;
      }
    }
    // At t = 1/2, s = 1/4 the posterior allows sigma 1/2, shared out by the softmax.
    double sure = Math.exp(-1) / (10 * Math.exp(-1) + 10);
    double unsure = 1 / (10 * Math.exp(-1) + 10);
    double draws = 4000 * 10.0;
    assertThat(remasked[0] / draws).isCloseTo(0.5 * sure, within(5 * Math.sqrt(sure / draws)));
    assertThat(remasked[1] / draws).isCloseTo(0.5 * unsure, within(5 * Math.sqrt(unsure / draws)));
  }

  @Test
  void withoutRemaskingItIsTheAncestralSamplerAndEveryTokenFollowsItsDistribution() {
    int positions = 20_000;
    double[] logits = {9, 0, 1, 2, -1};
    RemdmOptions options =
        options(Map.of("steps", 3, "gen_length", positions, "eta", 0.1, "seed", 8));
    SamplerRun run = new SamplerRun(options.sampler(SPECIALS), new int[0], positions);
    while (!run.finished()) {
      Query query = run.ask();
      run.step(
          Arrays.stream(query.rows())
              .mapToObj(row -> HashModel.reduce(logits, row, query.draw()))
              .toList(),
          0);
    }
    double[] p = ReferenceLlada.softmax(new double[] {Double.NEGATIVE_INFINITY, 0, 1, 2, -1});
    int[] counts = new int[logits.length];
    for (int id : run.canvas().ids()) {
      counts[id]++;
    }
    for (int id = 0; id < counts.length; id++) {
      assertThat((double) counts[id] / positions)
          .isCloseTo(p[id], within(5 * Math.sqrt(p[id] / positions) + 1e-12));
    }
  }

  @Test
  void wrongOptionsAreNamed() {
    assertThatThrownBy(() -> options(Map.of("eta", 1.5)))
        .hasMessage("eta 1.5 is no probability: use 0 to 1");
    assertThatThrownBy(() -> options(Map.of("remasking", "random")))
        .hasMessage("remasking random is unknown: use cap, rescale or conf");
  }

  private static RemdmOptions options(Map<String, ?> values) {
    return (RemdmOptions) SamplingOptions.of(RemdmSampler.NAME, values);
  }

  private static Snapshot step(SamplerRun run) {
    Prediction any = new Prediction(3, 1, 3, 1, 0, 0, 0);
    return run.step(Arrays.stream(run.ask().rows()).mapToObj(_ -> any).toList(), 0);
  }
}
