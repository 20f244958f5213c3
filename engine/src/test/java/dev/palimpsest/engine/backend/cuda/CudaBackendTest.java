package dev.palimpsest.engine.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.backend.Workload;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.backend.host.TinyFamily;
import dev.palimpsest.engine.backend.host.TinyLlada;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.CanvasQuery;
import dev.palimpsest.engine.forward.Conditioning;
import dev.palimpsest.engine.forward.SoftSignal;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.IdSet;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SamplingFilter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole forwards on the emulated device, JCuda and graphs included. */
final class CudaBackendTest {
  private static final int[] NONE = {};
  private static final TinyLlada MODEL = TinyLlada.GROUPED;

  @TempDir private Path folder;

  @BeforeEach
  void writeModel() {
    EmulatedDevice.require();
    MODEL.write(folder, 1);
  }

  @AfterEach
  void everythingIsFreed() {
    EmulatedDevice.setMemory(0);
    assertThat(EmulatedDevice.inUse()).isZero();
  }

  private Transformer onDevice(Precision precision, CudaOptions options) {
    return TinyLlada.load(folder, CudaBackend.open(precision, options, MODEL.spec()));
  }

  private Transformer onHost(Precision precision) {
    return TinyLlada.load(folder, new HostBackend(precision, 1));
  }

  /** A sequence of random tokens that asks for some of its rows. */
  private static Query query(SplittableRandom random, int length, Draw draw) {
    int[] tokens = random.ints(length, 0, MODEL.spec().vocabulary()).toArray();
    int[] rows = IntStream.range(0, length).filter(i -> i == 0 || random.nextInt(3) > 0).toArray();
    Optional<Query.Guidance> guidance =
        random.nextBoolean()
            ? Optional.of(
                new Query.Guidance(
                    random.ints(length, 0, MODEL.spec().vocabulary()).toArray(), 1.5))
            : Optional.empty();
    return new Query(tokens, random.nextInt(10), rows, 0, draw, guidance);
  }

  private static List<Query> batch(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Draw noisy =
        new Draw(0.8, Optional.empty(), seed, 3, new int[] {1, 7, 200}, new int[] {2, 200})
            .naming((int) seed);
    Draw filtered =
        new Draw(
                0.6,
                Optional.of(new SamplingFilter(1 + random.nextInt(60), 0.9)),
                seed,
                1,
                new int[] {5},
                new int[] {5})
            .naming(3);
    Query limited = query(random, 1 + random.nextInt(30), random.nextBoolean() ? noisy : filtered);
    return List.of(
        query(random, 1 + random.nextInt(9), Draw.GREEDY),
        query(random, 1 + random.nextInt(20), filtered),
        query(random, 30 + random.nextInt(80), noisy),
        query(random, 1 + random.nextInt(40), noisy),
        limited.allowing(
            Arrays.stream(limited.rows()).mapToObj(row -> someIds(random, 20 + row)).toList()));
  }

  private static IdSet someIds(SplittableRandom random, int count) {
    return IdSet.of(random.ints(count, 0, MODEL.spec().vocabulary()).toArray());
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3})
  void predictionsInF32AreThoseOfTheHostBackend(long seed) {
    List<Query> queries = batch(seed);
    try (Transformer device = onDevice(Precision.F32, CudaOptions.DEFAULT);
        Transformer host = onHost(Precision.F32)) {
      List<Prediction> found = flat(device.predict(queries));
      List<Prediction> expected = flat(host.predict(queries));
      assertThat(found).hasSameSizeAs(expected);
      for (int i = 0; i < found.size(); i++) {
        Prediction one = found.get(i);
        Prediction other = expected.get(i);
        assertThat(one.token()).isEqualTo(other.token());
        assertThat(one.argmax()).isEqualTo(other.argmax());
        assertThat(one.alternatives().stream().map(Alternative::token))
            .isEqualTo(other.alternatives().stream().map(Alternative::token).toList());
        for (int rank = 0; rank < one.alternatives().size(); rank++) {
          assertThat(one.alternatives().get(rank).probability())
              .isCloseTo(other.alternatives().get(rank).probability(), within(1e-5));
        }
        assertThat(one.probability()).isCloseTo(other.probability(), within(1e-5));
        assertThat(one.top()).isCloseTo(other.top(), within(1e-5));
        assertThat(one.second()).isCloseTo(other.second(), within(1e-5));
        assertThat(one.logSumExp()).isCloseTo(other.logSumExp(), within(1e-4));
        assertThat(one.entropy()).isCloseTo(other.entropy(), within(1e-4));
      }
    }
  }

  @Test
  void logitsInBf16AreThoseOfTheHostToTheirPrecision() {
    Query query = batch(5).get(2);
    try (Transformer device = onDevice(Precision.BF16, CudaOptions.DEFAULT);
        Transformer host = onHost(Precision.F32)) {
      float[] found = device.logits(query);
      float[] expected = host.logits(query);
      double differences = 0;
      double magnitudes = 0;
      for (int i = 0; i < found.length; i++) {
        differences += Math.pow(found[i] - expected[i], 2);
        magnitudes += Math.pow(expected[i], 2);
      }
      assertThat(Math.sqrt(differences / magnitudes)).isBetween(1e-4, 3e-2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void aStepIsTheSameOneByOneAndAsAGraphAndAfterOthers(Precision precision) {
    try (Transformer device = onDevice(precision, CudaOptions.DEFAULT)) {
      List<List<Prediction>> first = device.predict(batch(0));
      List<List<Prediction>> other = device.predict(batch(1));
      for (int run = 0; run < 4; run++) {
        assertThat(device.predict(batch(0))).isEqualTo(first);
        assertThat(device.predict(batch(1))).isEqualTo(other);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aSequencesPredictionsDoNotDependOnWhatSharesItsBatch(Precision precision) {
    List<Query> queries = new ArrayList<>(batch(2));
    queries.addAll(batch(3));
    try (Transformer device = onDevice(precision, CudaOptions.DEFAULT)) {
      List<List<Prediction>> together = device.predict(queries);
      for (int i = 0; i < queries.size(); i++) {
        assertThat(device.predict(List.of(queries.get(i))).getFirst()).isEqualTo(together.get(i));
      }
    }
  }

  /** Alone its last rows are few enough that a block takes a segment of keys, among others not. */
  @ParameterizedTest
  @EnumSource
  void aLongSequencesPredictionsDoNotDependOnHowItsKeysAreSplit(Precision precision)
      throws IOException {
    ModelSpec spec = TinyFamily.WIDE_HEADS.spec();
    Path model = Files.createDirectory(folder.resolve("model"));
    TinyFamily.WIDE_HEADS.write(model, 4);
    SplittableRandom random = new SplittableRandom(7);
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      int length = i < 3 ? 256 + random.nextInt(400) : 1 + random.nextInt(20);
      int[] tokens = random.ints(length, 0, spec.vocabulary()).toArray();
      queries.add(
          new Query(tokens, 0, new int[] {length - 1}, length, Draw.GREEDY, Optional.empty()));
    }
    try (Transformer device =
        TinyLlada.load(model, CudaBackend.open(precision, CudaOptions.DEFAULT, spec))) {
      List<List<Prediction>> together = device.predict(queries);
      for (int i = 0; i < 3; i++) {
        List<Query> alone = List.of(queries.get(i));
        assertThat(device.predict(alone).getFirst()).isEqualTo(together.get(i));
      }
      EmulatedDevice.fail("attention_merge_" + precision.name().toLowerCase(Locale.ROOT));
      List<Query> alone = List.of(queries.getFirst());
      assertThatThrownBy(() -> device.predict(alone)).isInstanceOf(DeviceException.class);
    }
  }

  @Test
  void aModelWithAWindowPredictsWhatItDoesOnTheHost() throws IOException {
    ModelSpec spec = TinyFamily.WINDOWED.spec();
    Path model = Files.createDirectory(folder.resolve("model"));
    TinyFamily.WINDOWED.write(model, 8);
    int[] tokens = new SplittableRandom(9).ints(500, 0, spec.vocabulary()).toArray();
    Query query =
        new Query(tokens, 0, new int[] {39, 40, 41, 499}, 0, Draw.GREEDY, Optional.empty());
    try (Transformer device =
            TinyLlada.load(model, CudaBackend.open(Precision.F32, CudaOptions.DEFAULT, spec));
        Transformer host = TinyLlada.load(model, new HostBackend(Precision.F32, 1))) {
      List<Prediction> found = device.predict(List.of(query)).getFirst();
      List<Prediction> expected = host.predict(List.of(query)).getFirst();
      for (int i = 0; i < found.size(); i++) {
        assertThat(found.get(i).argmax()).isEqualTo(expected.get(i).argmax());
        assertThat(found.get(i).logSumExp()).isCloseTo(expected.get(i).logSumExp(), within(1e-4));
        assertThat(found.get(i).top()).isCloseTo(expected.get(i).top(), within(1e-5));
      }
    }
  }

  /** Rows are reduced at most 4,096 at a time. */
  @Test
  void aRowIsReducedTheSameWhereverItLiesAmongVeryManyRows() throws IOException {
    Path few = Files.createDirectory(folder.resolve("few"));
    TinyFamily.SHIFTED.write(few, 1);
    SplittableRandom random = new SplittableRandom(3);
    Draw filtered =
        new Draw(0.9, Optional.of(new SamplingFilter(20, 0.8)), 4, 2, new int[] {3}, NONE);
    List<Query> queries = new ArrayList<>();
    for (Draw draw : List.of(filtered, Draw.GREEDY)) {
      for (int i = 0; i < 3; i++) {
        int[] tokens = random.ints(690, 0, 90).toArray();
        int[] rows = IntStream.range(0, tokens.length).toArray();
        queries.add(new Query(tokens, 0, rows, 0, draw, Optional.empty()));
      }
    }
    try (Transformer device =
        TinyLlada.load(
            few, CudaBackend.open(Precision.F32, CudaOptions.DEFAULT, TinyFamily.SHIFTED.spec()))) {
      List<List<Prediction>> together = device.predict(queries);
      for (int i : new int[] {0, 5}) {
        assertThat(device.predict(List.of(queries.get(i))).getFirst()).isEqualTo(together.get(i));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void nothingOfAStepReachesTheNextEvenThroughMemoryThatIsUsedAgain(Precision precision) {
    try (Transformer device = onDevice(precision, CudaOptions.DEFAULT);
        Transformer audited = onDevice(precision, new CudaOptions(true, false))) {
      for (long seed = 0; seed < 3; seed++) {
        assertThat(audited.predict(batch(seed))).isEqualTo(device.predict(batch(seed)));
      }
      assertThat(audited.describeBackend()).contains("audited");
    }
  }

  /** The second run of a step records its graph, the third only launches it. */
  @ParameterizedTest(name = "{0} in run {1}")
  @CsvSource({
    "swiglu_f32, 1",
    "swiglu_f32, 2",
    "swiglu_f32, 3",
    "vocabulary_finish, 3",
    "cublasLtMatmul, 1",
    "cublasLtMatmul, 3"
  })
  void aFailureNamesTheStepAndFreesEverythingAndAnotherModelCanBeLoaded(String kernel, int run) {
    try (Transformer device = onDevice(Precision.F32, CudaOptions.DEFAULT)) {
      for (int before = 1; before < run; before++) {
        device.predict(batch(1));
      }
      EmulatedDevice.fail(kernel);
      assertThatThrownBy(() -> device.predict(batch(1)))
          .isInstanceOf(DeviceException.class)
          .hasMessageMatching(
              ("step %d over [0-9]+ tokens, [0-9]+ rows asked for: one of its [0-9]+ operations,"
                      + " which --audit names: cuStreamSynchronize failed with"
                      + " CUDA_ERROR_ILLEGAL_ADDRESS .*")
                  .formatted(run));
      assertThat(EmulatedDevice.inUse()).isZero();
      assertThatThrownBy(() -> device.predict(batch(1)))
          .isInstanceOf(DeviceException.class)
          .hasMessageStartingWith("the device failed before: step " + run + " over ");
    }
    try (Transformer next = onDevice(Precision.F32, CudaOptions.DEFAULT)) {
      assertThat(next.predict(batch(1))).hasSameSizeAs(batch(1));
    }
  }

  /** One by one in the first run, as a graph in the third. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void whereverInAStepALaunchFailsTheStepIsNamedAndEverythingIsFreed(int run) {
    List<Query> queries = List.of(batch(1).get(2));
    int launches = 0;
    boolean failed = true;
    while (failed) {
      launches++;
      try (Transformer device = onDevice(Precision.F32, CudaOptions.DEFAULT)) {
        for (int before = 1; before < run; before++) {
          device.predict(queries);
        }
        EmulatedDevice.failAt(launches, 0);
        try {
          device.predict(queries);
          failed = false;
        } catch (DeviceException e) {
          assertThat(e)
              .hasMessageStartingWith("step " + run + " over ")
              .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS");
          assertThat(EmulatedDevice.inUse()).isZero();
        }
      }
    }
    EmulatedDevice.failAt(0, 0);
    assertThat(launches).isGreaterThan(10 * MODEL.spec().layers());
  }

  /** One by one in the first run; in the second the body is recorded. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void whereverInAStepALaunchIsRefusedItIsNamedAndTheStepCanBeTakenAgain(int run) {
    List<Query> other = batch(2);
    List<Query> queries = List.of(ofLength(64));
    int launches = 0;
    boolean refused = true;
    while (refused) {
      launches++;
      try (Transformer device = onDevice(Precision.F32, CudaOptions.DEFAULT)) {
        List<List<Prediction>> expected = device.predict(other);
        List<List<Prediction>> unrefused = run == 1 ? List.of() : device.predict(queries);
        EmulatedDevice.failAt(0, launches);
        try {
          device.predict(queries);
          refused = false;
        } catch (DeviceException e) {
          assertThat(e)
              .hasMessageMatching(
                  "step [0-9]+ over .*, operation %d of [0-9]+: cu.* failed with CU.*"
                      .formatted(launches));
          List<List<Prediction>> again = device.predict(queries);
          if (run > 1) {
            assertThat(again).isEqualTo(unrefused);
          }
        }
        EmulatedDevice.failAt(0, 0);
        assertThat(device.predict(other)).isEqualTo(expected);
      }
    }
    assertThat(launches).isGreaterThan(10 * MODEL.spec().layers());
  }

  private static Query ofLength(int length) {
    return new Query(new int[length], 0, new int[] {0, 8}, 0, Draw.GREEDY, Optional.empty());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void rowsThatAProductsAlgorithmDoesNotComputeAreNamedBeforeItIsCalled(int times) {
    List<Query> few = List.of(ofLength(64));
    Query more = ofLength(72);
    try (Transformer device = onDevice(Precision.F32, CudaOptions.DEFAULT)) {
      List<List<Prediction>> expected = device.predict(few);
      EmulatedDevice.refuseRows(more.tokens().length);
      for (int time = 0; time < times; time++) {
        assertThatThrownBy(() -> device.predict(List.of(more)))
            .isInstanceOf(DeviceException.class)
            .hasMessageMatching(
                "cuBLASLt's algorithm for products with a weight of [0-9]+ x [0-9]+ does not"
                    + " compute 72 rows of [0-9]+, [0-9]+ apart, by .* into F32, [0-9]+ apart;"
                    + " --fast-gemm takes another, and bits then depend on the batch");
      }
      assertThat(device.predict(few)).isEqualTo(expected);
    } finally {
      EmulatedDevice.refuseRows(0);
    }
  }

  @Test
  void anotherThreadMayGoOnWithAStepAndTakeMemoryForIt() throws InterruptedException {
    try (CudaBackend backend = CudaBackend.open(Precision.F32, CudaOptions.DEFAULT, MODEL.spec())) {
      Weight table = backend.table(4, 16, new float[64]);
      int[] ids = new int[300_000];
      Activation rows = new Activation(0, ids.length, 16, 16);
      backend.begin(16L * ids.length);
      AtomicReference<Throwable> failure = new AtomicReference<>();
      Thread thread =
          Thread.ofPlatform()
              .uncaughtExceptionHandler((_, e) -> failure.set(e))
              .start(() -> backend.embed(ids, table, rows));
      thread.join();
      assertThat(failure.get()).isNull();
      assertThat(backend.read(rows.firstRows(1))).containsOnly(0);
    }
  }

  @Test
  void aStepWhoseInputDoesNotFitIsRefusedAndAnotherRuns() {
    try (CudaBackend backend = CudaBackend.open(Precision.F32, CudaOptions.DEFAULT, MODEL.spec())) {
      Weight table = backend.table(4, 1, new float[] {1, 2, 3, 4});
      backend.begin(1000);
      EmulatedDevice.setMemory((8L << 30) - freeBytes() + 1000);
      Activation many = new Activation(0, 600_000, 1, 1);
      assertThatThrownBy(() -> backend.embed(new int[many.rows()], table, many))
          .isInstanceOf(DeviceException.class)
          .hasMessageStartingWith(
              "making room for the input of step 1: cuMemAlloc_v2 failed with"
                  + " CUDA_ERROR_OUT_OF_MEMORY");
      EmulatedDevice.setMemory(0);
      Activation few = new Activation(0, 3, 1, 1);
      backend.begin(1000);
      backend.embed(new int[] {2, 0, 3}, table, few);
      assertThat(backend.read(few)).containsExactly(3, 1, 4);
    }
  }

  @Test
  void moreNumbersThanAnArrayHoldsAreNotRead() {
    try (CudaBackend backend = CudaBackend.open(Precision.F32, CudaOptions.DEFAULT, MODEL.spec())) {
      assertThatThrownBy(() -> backend.read(new Activation(0, 16_981, 126_464, 126_464)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "16981 rows of 126464 numbers are read at once, and at most 2147483647 numbers can"
                  + " be");
    }
  }

  @Test
  void anAuditedFailureNamesTheOperationAlone() {
    try (Transformer device = onDevice(Precision.F32, new CudaOptions(true, false))) {
      EmulatedDevice.fail("rotary_f32");
      assertThatThrownBy(() -> device.predict(batch(1)))
          .isInstanceOf(DeviceException.class)
          .hasMessageContaining("rows asked for: rotary, operation ");
    }
  }

  @Test
  void aModelThatDoesNotFitSaysHowMuchIsNeededAndFree() {
    EmulatedDevice.setMemory(100L << 20);
    assertThatThrownBy(
            () ->
                CudaBackend.open(
                    Precision.F32,
                    CudaOptions.DEFAULT,
                    TinyFamily.EXPERTS.spec(),
                    new Workload(4096, 30_000_000, 1 << 27, 0)))
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "the model does not fit: 1.00 GB of emulated device (CPU)'s memory are needed"
                + " (0.00 GB for its weights in f32, 0.12 GB for a step over 4,096 tokens,"
                + " 0.54 GB for the KV cache, 0.34 GB for the rest), and 0.10 GB are free");
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 1})
  void aGpuThatIsNotThereIsRefusedByItsNumber(int ordinal) {
    assertThatThrownBy(
            () ->
                CudaBackend.open(
                    Precision.F32,
                    CudaOptions.DEFAULT.onDevice(ordinal),
                    TinyFamily.SHIFTED.spec()))
        .isInstanceOf(DeviceException.class)
        .hasMessage(
            "there is no GPU to compute on: GPU %d is asked for, and the driver shows 1, counted"
                + " from 0",
            ordinal);
  }

  @ParameterizedTest
  @CsvSource({
    "WIDE_HEADS, F32",
    "WIDE_HEADS, BF16",
    "BLOCKS, BF16",
    "EXPERTS, F32",
    "CANVAS, F32",
    "CANVAS, BF16",
    "SHIFTED, F32"
  })
  void whatIsSaidToBeNeededIsWhatAModelAndItsLargestStepTake(TinyFamily family, Precision precision)
      throws IOException {
    ModelSpec spec = family.spec();
    family.write(Files.createDirectory(folder.resolve("family")), 1);
    Workload all = Transformer.workload(spec);
    Workload step = new Workload(all.tokens(), all.activations(), 0, 0);
    int[] tokens = new int[spec.maxLength()];
    int[] rows = IntStream.range(0, tokens.length).toArray();
    Query largest = new Query(tokens, 0, rows, tokens.length, Draw.GREEDY, Optional.empty());
    long free = freeBytes();
    try (Transformer device =
        TinyLlada.load(
            folder.resolve("family"), CudaBackend.open(precision, CudaOptions.DEFAULT, spec))) {
      assertThat(device.predict(List.of(largest)).getFirst()).hasSameSizeAs(rows);
      DeviceNeed need = DeviceNeed.of(spec, precision, step);
      long kvCache = CudaWeight.elementBytes(precision) * all.kvCache();
      long taken = free - freeBytes() - (need.rest() - DeviceNeed.UNSEEN_BYTES);
      assertThat(taken - kvCache)
          .isBetween((need.total() - need.rest()) * 4 / 5, need.total() - need.rest());
    }
  }

  @ParameterizedTest
  @EnumSource(Precision.class)
  void whatSoftStepsTakeIsSaidToBeNeeded(Precision precision) throws IOException {
    ModelSpec spec = TinyFamily.CANVAS.spec();
    TinyFamily.CANVAS.write(Files.createDirectory(folder.resolve("canvas")), 1);
    int length = spec.canvas().orElseThrow().length();
    int[] tokens = new int[spec.maxLength()];
    int[] rows = IntStream.range(tokens.length - length, tokens.length).toArray();
    Query query = new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty());
    try (Transformer device =
        TinyLlada.load(
            folder.resolve("canvas"), CudaBackend.open(precision, CudaOptions.DEFAULT, spec))) {
      List<List<Prediction>> strict = device.predict(List.of(query));
      long free = freeBytes();
      try (SoftSignal signal = device.open()) {
        CanvasQuery soft =
            new CanvasQuery(
                query,
                new Conditioning.None(),
                Optional.of(new CanvasQuery.Written.Signal(signal, 0.8)));
        assertThat(device.denoise(List.of(soft))).isEqualTo(strict);
      }
      long need = DeviceNeed.of(spec, precision, Transformer.workload(spec)).soft();
      assertThat(free - freeBytes()).isBetween(need / 2, need);
    }
    assertThat(Transformer.workload(TinyFamily.EXPERTS.spec()).softRows()).isZero();
  }

  /** The text grows, forks within a page, and is asked for rows whose keys are cached. */
  @ParameterizedTest
  @CsvSource({
    "WIDE_HEADS, F32",
    "WIDE_HEADS, BF16",
    "WINDOWED, F32",
    "WINDOWED, BF16",
    "BLOCKS, F32",
    "BLOCKS, BF16",
    "EXPERTS, F32",
    "CANVAS, F32",
    "CANVAS, BF16"
  })
  void cachedKeysGiveTheBitsOfKeysThatAreComputed(TinyFamily family, Precision precision)
      throws IOException {
    ModelSpec spec = family.spec();
    Path model = Files.createDirectory(folder.resolve("model"));
    family.write(model, 2);
    SplittableRandom random = new SplittableRandom(6);
    int[] text = random.ints(90, 0, spec.vocabulary()).toArray();
    int[] fork = text.clone();
    fork[37] = (fork[37] + 1) % spec.vocabulary();
    try (Transformer device =
            TinyLlada.load(model, CudaBackend.open(precision, CudaOptions.DEFAULT, spec));
        Transformer audited =
            TinyLlada.load(
                model, CudaBackend.open(precision, new CudaOptions(true, false), spec))) {
      for (int cacheable : new int[] {9, 35, 36, 50, 84}) {
        int length = cacheable + 6;
        int[] open = IntStream.range(cacheable, length).toArray();
        int[] early = IntStream.of(0, 4, cacheable - 1, cacheable + 2).toArray();
        List<Query> queries =
            List.of(
                grown(text, length, cacheable, open),
                grown(text, length, cacheable, early),
                grown(fork, length, cacheable, open));
        List<List<Prediction>> expected = device.recompute(queries);
        for (int run = 0; run < 3; run++) {
          assertThat(device.predict(queries)).as("%d cacheable", cacheable).isEqualTo(expected);
        }
        assertThat(audited.predict(queries)).isEqualTo(expected);
      }
    }
  }

  private static Query grown(int[] text, int length, int cacheable, int[] rows) {
    return new Query(
        Arrays.copyOf(text, length), 0, rows, cacheable, Draw.GREEDY, Optional.empty());
  }

  private static long freeBytes() {
    try (Context context = Context.retain(Cuda.devices().getFirst())) {
      return context.freeBytes();
    }
  }

  @Test
  void aStepThatDoesNotFitIsRefusedAndASmallerOneRuns() {
    try (Transformer device = onDevice(Precision.F32, CudaOptions.DEFAULT)) {
      List<List<Prediction>> expected = device.predict(batch(1));
      long inUse = (8L << 30) - freeBytes();
      EmulatedDevice.setMemory(inUse + (1 << 20));
      Query large = query(new SplittableRandom(1), 250, Draw.GREEDY);
      assertThatThrownBy(() -> device.predict(Collections.nCopies(16, large)))
          .isInstanceOf(DeviceException.class)
          .hasMessageMatching(
              "step 2 does not fit: 0.0[0-9] GB of the device's memory are needed for its activations, and 0.00 GB are free; .*");
      assertThat(device.predict(batch(1))).isEqualTo(expected);
    }
  }

  @Test
  void headsThatNoKernelIsMadeForAreRefusedByTheirSize() {
    assertThatThrownBy(
            () -> CudaBackend.open(Precision.F32, CudaOptions.DEFAULT, TinyLlada.ODD.spec()))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("heads of 24 are not supported on a GPU");
  }

  @Test
  void aDeviceThatIsToBeFoundBecomesTheHostForAModelThatItCannotRun() {
    Compute compute = new Compute(Compute.Device.AUTO, Optional.empty(), 1, CudaOptions.DEFAULT);
    List<String> notices = new ArrayList<>();
    try (Backend found = compute.open(MODEL.spec(), notices::add);
        Backend instead = compute.open(TinyLlada.ODD.spec(), notices::add)) {
      assertThat(found.describe()).startsWith("cuda, bf16, emulated device (CPU)");
      assertThat(instead.describe()).startsWith("host, ");
      assertThat(notices)
          .singleElement()
          .asString()
          .startsWith("computing on the host: heads of 24 are not supported");
    }
  }

  private static List<Prediction> flat(List<List<Prediction>> predictions) {
    return predictions.stream().flatMap(List::stream).toList();
  }
}
