package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.backend.host.TinyFamily;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.CanvasQuery;
import dev.palimpsest.engine.forward.Conditioning;
import dev.palimpsest.engine.forward.SoftAlternatives;
import dev.palimpsest.engine.forward.SoftSignal;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SamplingFilter;
import dev.palimpsest.step.SoftQuery;
import dev.palimpsest.step.SoftState;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Canvases and soft signals on the device. */
final class CudaCanvasTest {
  private static final ModelSpec SPEC = TinyFamily.CANVAS.spec();
  private static final int LENGTH = SPEC.canvas().orElseThrow().length();
  private static final int STEPS = 3;

  @TempDir Path folder;

  @BeforeEach
  void write() {
    EmulatedDevice.require();
    TinyFamily.CANVAS.write(folder, 3);
  }

  private Transformer load(Backend backend) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      return Transformer.load(checkpoint, SPEC, backend, 1 << 20, _ -> {});
    }
  }

  private Transformer onDevice(Precision precision, CudaOptions options) {
    return load(CudaBackend.open(precision, options, SPEC));
  }

  private static Query query(SplittableRandom random, int prompt) {
    int[] tokens = random.ints(prompt + LENGTH, 0, SPEC.vocabulary()).toArray();
    int[] rows = IntStream.range(prompt, tokens.length).toArray();
    return new Query(tokens, 0, rows, prompt, Draw.GREEDY, Optional.empty());
  }

  /** Steps of four canvases at once, one told nothing, one ids, one softly, one a few ids. */
  private static List<List<List<Prediction>>> steps(Transformer model, boolean caches) {
    SplittableRandom random = new SplittableRandom(5);
    List<List<List<Prediction>>> all = new ArrayList<>();
    try (SoftSignal signal = model.open();
        SoftAlternatives few = model.open(4)) {
      CanvasQuery.Written written = new CanvasQuery.Written.Signal(signal, 0.8);
      for (int step = 0; step < STEPS; step++) {
        List<CanvasQuery> queries =
            List.of(
                new CanvasQuery(query(random, 30), new Conditioning.None()),
                new CanvasQuery(
                    query(random, 4),
                    new Conditioning.Tokens(random.ints(LENGTH, 0, SPEC.vocabulary()).toArray())),
                new CanvasQuery(
                    query(random, 11),
                    step == 0 ? new Conditioning.None() : new Conditioning.Soft(signal),
                    Optional.of(written)),
                new CanvasQuery(
                    query(random, 7),
                    step == 0 ? new Conditioning.None() : new Conditioning.Alternatives(few),
                    Optional.of(new CanvasQuery.Written.Alternatives(few))));
        all.add(caches ? model.denoise(queries) : model.renoise(queries));
      }
    }
    return all;
  }

  @ParameterizedTest
  @EnumSource
  void stepsHaveTheSameBitsCachedComputedAuditedAndAgain(Precision precision) {
    try (Transformer device = onDevice(precision, CudaOptions.DEFAULT);
        Transformer audited = onDevice(precision, new CudaOptions(true, false))) {
      List<List<List<Prediction>>> cached = steps(device, true);
      assertThat(steps(device, false)).as("without the cache").isEqualTo(cached);
      assertThat(steps(device, true)).as("again").isEqualTo(cached);
      assertThat(steps(audited, true)).as("audited").isEqualTo(cached);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aCanvasIsPredictedTheSameAloneAndInABatch(Precision precision) {
    SplittableRandom random = new SplittableRandom(6);
    List<Query> queries = List.of(query(random, 2), query(random, 300), query(random, 17));
    try (Transformer device = onDevice(precision, CudaOptions.DEFAULT)) {
      List<List<Prediction>> together = device.predict(queries);
      for (int i = 0; i < queries.size(); i++) {
        assertThat(device.recompute(List.of(queries.get(i))).getFirst()).isEqualTo(together.get(i));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void oneIdOfWeightOneIsTheMostProbableOneBitForBit(Precision precision) {
    SplittableRandom random = new SplittableRandom(7);
    try (Transformer device = onDevice(precision, CudaOptions.DEFAULT);
        SoftAlternatives one = device.open(1)) {
      Optional<CanvasQuery.Written> written =
          Optional.of(new CanvasQuery.Written.Alternatives(one));
      CanvasQuery first = new CanvasQuery(query(random, 9), new Conditioning.None(), written);
      int[] argmax =
          device.denoise(List.of(first)).getFirst().stream().mapToInt(Prediction::argmax).toArray();
      Query next = query(random, 9);
      assertThat(device.denoise(List.of(new CanvasQuery(next, new Conditioning.Alternatives(one)))))
          .isEqualTo(device.predict(List.of(next.telling(argmax))));
    }
  }

  @ParameterizedTest
  @EnumSource
  void allIdsAreTheSoftSignal(Precision precision) {
    SplittableRandom random = new SplittableRandom(8);
    Query plain = query(random, 9);
    Draw draw = new Draw(0.7, Optional.of(SamplingFilter.ALL), 3, 1, new int[0], new int[0]);
    Query query =
        new Query(plain.tokens(), 0, plain.rows(), plain.cacheablePrefix(), draw, Optional.empty());
    try (Transformer device = onDevice(precision, CudaOptions.DEFAULT);
        SoftSignal soft = device.open();
        SoftAlternatives all = device.open(SPEC.vocabulary());
        SoftAlternatives few = device.open(2)) {
      for (SoftState each : List.of(soft, all, few)) {
        SoftQuery.Carried carried = new SoftQuery.Carried(each, false);
        var _ = device.predictSoftly(List.of(new SoftQuery(query, Optional.of(carried))));
      }
      float[] expected = device.logits(query, new Conditioning.Soft(soft));
      float[] found = device.logits(query, new Conditioning.Alternatives(all));
      float[] other = device.logits(query, new Conditioning.Alternatives(few));
      double off = distance(found, expected);
      assertThat(off).isLessThan(precision == Precision.F32 ? 1e-5 : 0.1);
      assertThat(distance(other, expected)).isGreaterThan(3 * off).isGreaterThan(1e-2);
    }
  }

  /** The mean of what numbers are apart. */
  private static double distance(float[] some, float[] others) {
    double sum = 0;
    for (int i = 0; i < some.length; i++) {
      sum += Math.abs(some[i] - others[i]);
    }
    return sum / some.length;
  }

  @ParameterizedTest
  @EnumSource
  void theDevicePredictsWhatTheHostPredicts(Precision precision) {
    double tolerance = precision == Precision.F32 ? 1e-3 : 0.5;
    try (Transformer device = onDevice(precision, CudaOptions.DEFAULT);
        Transformer host = load(new HostBackend(Precision.F32, 1))) {
      List<List<List<Prediction>>> found = steps(device, true);
      List<List<List<Prediction>>> expected = steps(host, true);
      for (int step = 0; step < STEPS; step++) {
        for (int canvas = 0; canvas < found.get(step).size(); canvas++) {
          List<Prediction> row = found.get(step).get(canvas);
          double off = 0;
          for (int i = 0; i < row.size(); i++) {
            double other = expected.get(step).get(canvas).get(i).logSumExp();
            off += Math.abs(row.get(i).logSumExp() - other) / row.size();
          }
          assertThat(off).as("step %d, canvas %d", step, canvas).isCloseTo(0, within(tolerance));
        }
      }
    }
  }
}
