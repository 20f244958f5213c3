package dev.palimpsest.sampler.audit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.canvas.Turn;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class AuditTest {
  static LongStream seeds() {
    return LongStream.range(0, 40);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aStepThatIsAFunctionOfItsTokensPassesEveryCheckWithEverySampler(long seed) {
    AnyCase request = AnyCase.of(seed);
    Specimen specimen = Specimen.generate(request.run(), request.model());
    assertThat(
            verdicts(
                request, specimen, request::model, request.options().sampler(request.specials())))
        .allSatisfy(verdict -> assertThat(verdict.passed()).as(verdict.toString()).isTrue())
        .allSatisfy(verdict -> assertThat(verdict.steps()).isEqualTo(specimen.steps()));
  }

  private static List<Verdict> verdicts(
      AnyCase request, Specimen specimen, Supplier<Denoiser> fresh, Sampler sampler) {
    List<Run> company = new ArrayList<>();
    for (int each = 0; each < 5; each++) {
      company.add(request.run());
    }
    return List.of(
        Audit.poisoned(specimen, request.run(), fresh.get()),
        Audit.recomputed(specimen, (canvas, at) -> SamplerRun.resume(sampler, canvas, at), fresh),
        Audit.uncached(specimen, request.run(), fresh.get()),
        Audit.batched(specimen, request.run(), fresh.get(), company),
        Audit.probed(specimen, request.run(), fresh.get(), () -> 0));
  }

  @Test
  void aLookThatChangesAStepIsCaught() {
    AnyCase request = AnyCase.of(1, "llada");
    Specimen specimen = Specimen.generate(request.run(), request.model());
    Denoiser touched =
        queries ->
            request.model().predict(queries).stream()
                .map(
                    rows ->
                        rows.stream()
                            .map(each -> withEntropy(each, Math.nextUp(each.entropy())))
                            .toList())
                .toList();
    Verdict verdict = Audit.probed(specimen, request.run(), touched, () -> 7);
    assertThat(verdict.check()).isEqualTo("probed_steps");
    assertThat(verdict.passed()).isFalse();
  }

  @Test
  void aStaleCacheOfKeysAndValuesIsCaught() {
    assertCaught(StaleCache::new, "recomputed_steps", "batch_of_many");
  }

  @Test
  void conditioningOnTheLastPredictionsIsCaught() {
    assertCaught(SelfConditioning::new, "recomputed_steps", "batch_of_many");
  }

  @Test
  void randomNumbersThatAreNotKeyedByPositionAreCaught() {
    assertCaught(OneStream::new, "recomputed_steps", "batch_of_many");
  }

  @Test
  void activationsThatOutliveTheirStepAreCaughtByThePoison() {
    for (long seed : new long[] {1, 2, 3, 4, 5}) {
      AnyCase request = AnyCase.of(seed, "llada");
      Specimen specimen = Specimen.generate(request.run(), new Leftover(request.model(), false));
      Verdict poisoned =
          Audit.poisoned(specimen, request.run(), new Leftover(request.model(), true));
      assertThat(poisoned.passed()).isFalse();
    }
  }

  @Test
  void aKvCacheThatIsNotExactIsCaught() {
    int caught = 0;
    for (long seed = 0; seed < 10; seed++) {
      AnyCase request = AnyCase.of(seed, "block");
      Denoiser wrong =
          queries -> {
            List<List<Prediction>> answers = new ArrayList<>();
            for (Query query : queries) {
              boolean cacheable = query.cacheablePrefix() > 0;
              answers.add(
                  request.model().predict(List.of(query)).getFirst().stream()
                      .map(
                          each -> cacheable ? withEntropy(each, Math.nextUp(each.entropy())) : each)
                      .toList());
            }
            return answers;
          };
      Specimen specimen = Specimen.generate(request.run(), wrong);
      Verdict verdict = Audit.uncached(specimen, request.run(), wrong);
      boolean used =
          specimen.snapshots().stream()
              .anyMatch(each -> isCacheable(request, specimen, each.step()));
      assertThat(verdict.passed()).as(verdict.toString()).isEqualTo(!used);
      caught += verdict.passed() ? 0 : 1;
    }
    assertThat(caught).isPositive();
  }

  private static boolean isCacheable(AnyCase request, Specimen specimen, int step) {
    Query query =
        request
            .options()
            .sampler(request.specials())
            .ask(specimen.befores().get(step), specimen.at(step));
    return query.cacheablePrefix() > 0 && query.rows().length > 0;
  }

  @Test
  void aSamplerThatStoresConfidencesIsCaught() {
    int caught = 0;
    for (long seed = 0; seed < 20; seed++) {
      AnyCase request = AnyCase.of(seed, "remdm");
      Supplier<Sampler> samplers =
          () -> new StoredConfidence(request.options().sampler(request.specials()));
      Run run = SamplerRun.resume(samplers.get(), request.run().canvas(), Cursor.START);
      Specimen specimen = Specimen.generate(run, request.model());
      Verdict verdict =
          Audit.recomputed(
              specimen,
              (canvas, at) -> SamplerRun.resume(samplers.get(), canvas, at),
              request::model);
      boolean used = specimen.snapshots().stream().anyMatch(each -> each.remasked().length > 0);
      if (used) {
        assertThat(verdict.passed()).as("seed %d", seed).isFalse();
        caught++;
      }
    }
    assertThat(caught).isGreaterThan(5);
  }

  private static void assertCaught(UnaryOperator<Denoiser> broken, String... by) {
    Map<String, Integer> caught = new HashMap<>();
    for (long seed = 0; seed < 40; seed++) {
      AnyCase request = AnyCase.of(seed, "llada");
      Supplier<Denoiser> fresh = () -> broken.apply(request.model());
      Specimen specimen = Specimen.generate(request.run(), fresh.get());
      verdicts(request, specimen, fresh, request.options().sampler(request.specials())).stream()
          .filter(verdict -> !verdict.passed())
          .forEach(verdict -> caught.merge(verdict.check(), 1, Integer::sum));
    }
    for (String check : by) {
      assertThat(caught.getOrDefault(check, 0)).as(check).isGreaterThan(9);
    }
  }

  private static Prediction withEntropy(Prediction of, double entropy) {
    return new Prediction(
        of.token(), of.probability(), of.argmax(), of.top(), of.second(), of.logSumExp(), entropy);
  }

  /** Sees the left half of the sequence as it was one forward ago: Fast-dLLM's dual cache, say. */
  private static final class StaleCache implements Denoiser {
    private final Denoiser model;
    private int[] last = {};

    StaleCache(Denoiser model) {
      this.model = model;
    }

    @Override
    public List<List<Prediction>> predict(List<Query> queries) {
      List<List<Prediction>> answers = new ArrayList<>();
      for (Query query : queries) {
        int[] seen = query.tokens().clone();
        if (last.length == seen.length) {
          System.arraycopy(last, 0, seen, 0, seen.length / 2);
        }
        last = query.tokens();
        answers.addAll(
            model.predict(
                List.of(
                    new Query(
                        seen,
                        query.firstPosition(),
                        query.rows(),
                        query.cacheablePrefix(),
                        query.draw(),
                        query.guidance()))));
      }
      return answers;
    }
  }

  /** Lets what it last predicted weigh in: Plaid, DiffusionGemma. */
  private static final class SelfConditioning implements Denoiser {
    private final Denoiser model;
    private double last;

    SelfConditioning(Denoiser model) {
      this.model = model;
    }

    @Override
    public List<List<Prediction>> predict(List<Query> queries) {
      List<List<Prediction>> answers = new ArrayList<>();
      for (Query query : queries) {
        double carried = last;
        List<Prediction> predictions =
            model.predict(List.of(query)).getFirst().stream()
                .map(each -> withEntropy(each, each.entropy() + carried))
                .toList();
        last = predictions.stream().mapToDouble(Prediction::probability).sum() / 100;
        answers.add(predictions);
      }
      return answers;
    }
  }

  /** Draws its numbers one after another from a single stream. */
  private static final class OneStream implements Denoiser {
    private final Denoiser model;
    private final Random random = new Random(1);

    OneStream(Denoiser model) {
      this.model = model;
    }

    @Override
    public List<List<Prediction>> predict(List<Query> queries) {
      List<List<Prediction>> answers = new ArrayList<>();
      for (Query query : queries) {
        answers.add(
            model.predict(List.of(query)).getFirst().stream()
                .map(each -> withEntropy(each, random.nextDouble()))
                .toList());
      }
      return answers;
    }
  }

  /** Reads an activation that the step before left in memory, or the poison in its place. */
  private static final class Leftover implements Denoiser {
    private final Denoiser model;
    private final boolean poison;
    private double memory;

    Leftover(Denoiser model, boolean poison) {
      this.model = model;
      this.poison = poison;
    }

    @Override
    public List<List<Prediction>> predict(List<Query> queries) {
      double read = poison ? Double.NaN : memory;
      memory = 0.5;
      return model.predict(queries).stream()
          .map(rows -> rows.stream().map(each -> withEntropy(each, each.entropy() + read)).toList())
          .toList();
    }
  }

  /**
   * ReMDM's {@code conf} as published: the confidence of a token is kept from when it was written.
   */
  private static final class StoredConfidence implements Sampler {
    private final Sampler sampler;
    private final Map<Integer, Double> confidences = new HashMap<>();

    StoredConfidence(Sampler sampler) {
      this.sampler = sampler;
    }

    @Override
    public Turn take(CanvasImage canvas, Cursor at, int[] rows, List<Prediction> predictions) {
      Turn turn = sampler.take(canvas, at, rows, predictions);
      int[] remasked = {};
      double least = 2;
      for (Map.Entry<Integer, Double> each : confidences.entrySet()) {
        if (each.getValue() < least && canvas.state(each.getKey()) == CellState.COMMITTED) {
          least = each.getValue();
          remasked = new int[] {each.getKey()};
        }
      }
      for (Commit commit : turn.commits()) {
        confidences.put(commit.position(), commit.confidence());
      }
      return new Turn(turn.commits(), List.of(), remasked, turn.next());
    }

    @Override
    public SamplingOptions options() {
      return sampler.options();
    }

    @Override
    public SpecialTokens specials() {
      return sampler.specials();
    }

    @Override
    public Cursor start(CanvasImage canvas) {
      return sampler.start(canvas);
    }

    @Override
    public boolean finished(CanvasImage canvas, Cursor at) {
      return sampler.finished(canvas, at);
    }

    @Override
    public Query ask(CanvasImage canvas, Cursor at) {
      return sampler.ask(canvas, at);
    }

    @Override
    public long width(CanvasImage canvas) {
      return sampler.width(canvas);
    }
  }
}
