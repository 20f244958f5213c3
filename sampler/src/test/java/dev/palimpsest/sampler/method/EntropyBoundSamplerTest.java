package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.audit.Audit;
import dev.palimpsest.sampler.audit.Specimen;
import dev.palimpsest.sampler.audit.Verdict;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.SamplingFilter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The sampler against the published loop, written down plainly, state by state. */
final class EntropyBoundSamplerTest {
  private static final int MASK = 0;
  private static final int NOISE = 10;
  private static final int FIRST_NOISE = 11;

  private static LongStream seeds() {
    return LongStream.range(0, 300);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyStateIsThatOfThePublishedLoop(long seed) {
    AnyCase request = AnyCase.of(seed, EntropyBoundSampler.NAME);
    List<int[]> expected = reference(request);
    SamplerRun run = request.run();
    assertThat(run.canvas().ids()).isEqualTo(expected.getFirst());
    for (int[] state : expected.subList(1, expected.size())) {
      Snapshot _ = run.step(request.model().predict(List.of(run.ask())).getFirst(), 0);
      assertThat(run.canvas().ids()).as("seed %d", seed).isEqualTo(state);
    }
    assertThat(run.finished()).isTrue();
  }

  /** Canvas by canvas, over arrays, full distributions and a history of canvases. */
  private static List<int[]> reference(AnyCase request) {
    EntropyBoundOptions o = (EntropyBoundOptions) request.options();
    int first = request.prompt().length;
    int canvases = (o.genLength() + o.canvasLength() - 1) / o.canvasLength();
    int[] x = Arrays.copyOf(request.prompt(), first + canvases * o.canvasLength());
    for (int p = first; p < x.length; p++) {
      x[p] = random(o, 0, p, FIRST_NOISE);
    }
    List<int[]> states = new ArrayList<>();
    states.add(x.clone());
    int step = 0;
    for (int canvas = 0; canvas < canvases; canvas++) {
      int from = first + canvas * o.canvasLength();
      int to = from + o.canvasLength();
      List<int[]> history = new ArrayList<>();
      boolean done = false;
      for (int left = o.maxDenoisingSteps(); left > 0 && !done; left--, step++) {
        double t = o.tMin() + (o.tMax() - o.tMin()) * ((double) left / o.maxDenoisingSteps());
        boolean told = o.selfConditioning() == SelfConditioning.TOP_1 && !history.isEmpty();
        float[][] logits =
            request
                .model()
                .logits(Arrays.copyOf(x, to), told ? HashModel.told(history.getLast()) : 0);
        List<ReferenceDraw> draws = new ArrayList<>();
        for (int p = from; p < to; p++) {
          TokenDraw how = new TokenDraw(t, 1, Integer.MAX_VALUE, SamplingFilter.Order.TOP_K_FIRST);
          draws.add(new ReferenceDraw(logits[p], how, MASK, o.seed(), step, p));
        }
        int[] argmax = draws.stream().mapToInt(ReferenceDraw::argmax).toArray();
        double mean = draws.stream().mapToDouble(ReferenceDraw::entropy).sum() / draws.size();
        boolean stable = history.size() >= o.stabilityThreshold();
        for (int back = 0; back < Math.min(o.stabilityThreshold(), history.size()); back++) {
          stable &= Arrays.equals(history.get(history.size() - 1 - back), argmax);
        }
        done = stable && mean < o.confidenceThreshold();
        history.add(argmax);
        if (done || left == 1) {
          System.arraycopy(argmax, 0, x, from, argmax.length);
          done = true;
        } else {
          List<Integer> order = IntStream.range(0, argmax.length).boxed().toList();
          order =
              order.stream()
                  .sorted(Comparator.comparingDouble(i -> draws.get(i).entropy()))
                  .toList();
          double cumulative = 0;
          for (int i : order) {
            double entropy = draws.get(i).entropy();
            cumulative += entropy;
            int p = from + i;
            x[p] =
                cumulative - entropy <= o.entropyBound() + 1e-12
                    ? draws.get(i).token
                    : random(o, step, p, NOISE);
          }
        }
        states.add(x.clone());
      }
      if (IntStream.range(from, to).anyMatch(p -> request.specials().isStop(x[p]))) {
        break;
      }
    }
    return states;
  }

  private static int random(EntropyBoundOptions o, int step, int p, int purpose) {
    int[] words = new int[4];
    Philox.block(0, p, step, purpose, (int) o.seed(), (int) (o.seed() >>> 32), words);
    return (int) (((words[0] & 0xFFFFFFFFL) + 0.5) / 4294967296.0 * o.vocabulary());
  }

  @Test
  void aStepAcceptsTheSurestUpToTheBoundWithoutTheLast() {
    double[] entropies = {0.5, 0.01, 0.3, 0.02, 0.3};
    assertThat(EntropyBoundSampler.accepted(entropies, 0)).containsExactly(1);
    assertThat(EntropyBoundSampler.accepted(entropies, 0.02)).containsExactly(1, 3);
    assertThat(EntropyBoundSampler.accepted(entropies, 0.1)).containsExactly(1, 3, 2);
    assertThat(EntropyBoundSampler.accepted(entropies, 0.4)).containsExactly(1, 3, 2, 4);
    assertThat(EntropyBoundSampler.accepted(entropies, 9)).containsExactly(1, 3, 2, 4, 0);
  }

  private static EntropyBoundOptions options(String selfConditioning, int genLength) {
    return options(selfConditioning, genLength, Map.of());
  }

  private static EntropyBoundOptions options(
      String selfConditioning, int genLength, Map<String, ?> others) {
    Map<String, Object> values = new HashMap<>(others);
    values.put("gen_length", genLength);
    values.put("canvas_length", 6);
    values.put("vocabulary", 23);
    values.put("max_denoising_steps", 5);
    values.put("entropy_bound", 3.0);
    values.put("confidence_threshold", 0.0);
    values.put("self_conditioning", selfConditioning);
    return EntropyBoundOptions.of(values);
  }

  private static final SpecialTokens SPECIALS =
      new SpecialTokens(SpecialTokens.NO_MASK, 1, OptionalInt.empty());

  private static HashModel model() {
    return new HashModel(23, 7, 4, 0, 1);
  }

  private static Run run(EntropyBoundOptions options, int seed) {
    return new SamplerRun(
        new EntropyBoundSampler((EntropyBoundOptions) options.withSeed(seed), SPECIALS),
        new int[] {3, 4},
        options.positions(2));
  }

  @Test
  void aCanvasBeginsAsNoiseAndEndsCommitted() {
    Specimen specimen = Specimen.generate(run(options("off", 12), 1), model());
    CanvasImage first = specimen.befores().getFirst();
    assertThat(CellState.letters(first)).isEqualTo("PPNNNNNNNNNNNN");
    assertThat(first.ids()).doesNotContain(SpecialTokens.NO_MASK);
    assertThat(CellState.letters(specimen.befores().get(5))).isEqualTo("PPCCCCCCNNNNNN");
    assertThat(CellState.letters(specimen.last())).isEqualTo("PPCCCCCCCCCCCC");
    assertThat(specimen.steps()).isEqualTo(10);
    // What is accepted may become noise again.
    assertThat(specimen.snapshots())
        .anyMatch(
            each ->
                each.noise().stream()
                    .anyMatch(
                        noise ->
                            specimen.befores().get(each.step()).state(noise.position())
                                == CellState.COMMITTED));
  }

  @ParameterizedTest
  @ValueSource(strings = {"soft", "top-k"})
  void whatSoftStepsHandOnIsNotInTheirTokens(String told) {
    EntropyBoundOptions options = options(told, 12);
    assertThat(options.isStrict()).isFalse();
    Specimen specimen = Specimen.generate(run(options, 1), model());
    Sampler sampler = options.withSeed(1).sampler(SPECIALS);
    Verdict recomputed =
        Audit.recomputed(
            specimen,
            (canvas, at) -> SamplerRun.resume(sampler, canvas, at),
            EntropyBoundSamplerTest::model);
    assertThat(recomputed.passed()).isFalse();
    Verdict batched =
        Audit.batched(
            specimen,
            run(options, 1),
            model(),
            List.of(run(options, 2), run(options("off", 6), 3)));
    assertThat(batched.passed()).as(batched.toString()).isTrue();
  }

  @Test
  void softStepsAreOtherStepsThanStrictOnes() {
    CanvasImage soft = Specimen.generate(run(options("soft", 12), 1), model()).last();
    CanvasImage off = Specimen.generate(run(options("off", 12), 1), model()).last();
    CanvasImage top = Specimen.generate(run(options("top-1", 12), 1), model()).last();
    CanvasImage few = Specimen.generate(run(options("top-k", 12), 1), model()).last();
    assertThat(List.of(soft, off, top, few)).doesNotHaveDuplicates();
  }

  @Test
  void oneTokenOfWeightOneIsTheMostProbableOne() {
    EntropyBoundOptions one = options("top_k", 12, Map.of("self_conditioning_k", 1));
    Specimen found = Specimen.generate(run(one, 1), model());
    Specimen expected = Specimen.generate(run(options("top_1", 12), 1), model());
    assertThat(found.last()).isEqualTo(expected.last());
    assertThat(found.snapshots())
        .map(Snapshot::predictions)
        .isEqualTo(expected.snapshots().stream().map(Snapshot::predictions).toList());
  }

  @Test
  void theNumberOfTokensIsOfTopKAlone() {
    assertThat(options("top-k", 6).toMap()).containsEntry("self_conditioning_k", 8);
    assertThat(EntropyBoundOptions.of(options("top-k", 6).toMap())).isEqualTo(options("top-k", 6));
    assertThat(options("soft", 6).toMap()).doesNotContainKey("self_conditioning_k");
    assertThatThrownBy(() -> options("soft", 6, Map.of("self_conditioning_k", 3)))
        .hasMessage("self_conditioning_k 3 is of self_conditioning top_k, and it is soft");
    assertThatThrownBy(() -> options("top_k", 6, Map.of("self_conditioning_k", 0)))
        .hasMessage("self_conditioning_k 0 is invalid: use 1 to 1000");
  }

  @Test
  void aModelOfTokensAloneIsNotAskedForSoftSteps() {
    HashModel model = model();
    Denoiser tokens = queries -> model.predict(queries);
    Run run = run(options("soft", 6), 1);
    Driver driver = new Driver(tokens);
    assertThatThrownBy(() -> driver.submit(run, SnapshotListener.NONE))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessage(
            "self_conditioning soft hands on more than tokens, and the model is asked for steps of"
                + " tokens alone here: use top_1 or off");
    Generation strict =
        new Driver(tokens)
            .finish(List.of(Request.of(run(options("top-1", 6), 1), SnapshotListener.NONE)))
            .getFirst();
    assertThat(strict.complete()).isTrue();
  }

  @Test
  void theTextIsCutAtItsLengthAndAtAStop() {
    Generation cut =
        new Driver(model())
            .finish(List.of(Request.of(run(options("off", 8), 1), SnapshotListener.NONE)))
            .getFirst();
    assertThat(cut.canvas().length()).isEqualTo(2 + 12);
    assertThat(cut.tokens()).hasSize(8);
  }

  @Test
  void aModelWithCanvasesTakesNoOtherSamplerAndOnlyItsOwnLength() {
    ModelLimits canvases = new ModelLimits(23, 64, new AttentionPattern.Canvas(6));
    Generator generator = new Generator(model(), canvases, SPECIALS);
    assertThat(canvases.sampler()).isEqualTo(EntropyBoundSampler.NAME);
    assertThat(generator.run(new int[] {3}, options("off", 60)).canvas().length()).isEqualTo(61);
    assertThatThrownBy(() -> generator.run(new int[] {3, 4, 5, 6, 7}, options("off", 60)))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessageContaining("use up to 54");
    assertThatThrownBy(
            () ->
                generator.run(new int[] {3}, SamplingOptions.of("decode", Map.of("gen_length", 6))))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessageContaining("use entropy_bound");
    Map<String, Object> shorter = new HashMap<>(options("off", 6).toMap());
    shorter.put("canvas_length", 3);
    assertThatThrownBy(() -> generator.run(new int[] {3}, EntropyBoundOptions.of(shorter)))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessageContaining("use 6");
    ModelLimits masks = new ModelLimits(23, 64, new AttentionPattern.Full());
    assertThatThrownBy(() -> masks.requireFit(options("off", 6)))
        .isInstanceOf(InvalidOptionException.class)
        .hasMessageContaining("use llada");
  }

  @Test
  void aCanvasOfMasksIsRefused() {
    Sampler sampler = options("off", 6).sampler(SPECIALS);
    CanvasImage masks = CanvasImage.masked(new int[] {3}, 6, SpecialTokens.NO_MASK);
    assertThatThrownBy(() -> sampler.start(masks))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("holds masks");
  }

  @Test
  void theTemperatureFallsFromTheFirstStepOn() {
    EntropyBoundSampler sampler = options("off", 6).sampler(SPECIALS);
    assertThat(sampler.temperature(Cursor.START)).isEqualTo(0.8);
    assertThat(sampler.temperature(new Cursor(9, 1, 4, 0))).isCloseTo(0.48, within(1e-15));
  }
}
