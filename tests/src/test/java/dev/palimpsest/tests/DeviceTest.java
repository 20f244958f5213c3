package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.app.check.OracleFolder;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole generations on the device: the emulated one that the build names, or the GPU of the machine
 * that {@code tests/gpu/run} is started on.
 */
@Tag("device")
final class DeviceTest {
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");
  private static final Path MODELS =
      Path.of(System.getProperty("palimpsest.home")).resolve("models");
  private static final String DIFFUSION = "abacus-mdm";
  private static final String DECODER = "abacus-ar";
  private static final int RUNS = Integer.getInteger("palimpsest.device.runs", 100);

  /** The emulated device is slow: it writes fewer and shorter texts. */
  private static final List<int[]> PROMPTS =
      DemoPrompts.ids().subList(0, Cuda.isEmulated() ? 2 : 4);

  @BeforeEach
  void requireADevice() {
    Cuda.emulator()
        .ifPresent(
            folder ->
                assumeTrue(
                    Files.isDirectory(folder),
                    folder + " is missing: native/ was built without a C++ compiler"));
    assertThat(CudaBackend.failure()).isEmpty();
  }

  private static Compute onDevice(Precision precision, boolean audit) {
    return new Compute(
        Compute.Device.CUDA, Optional.of(precision), 1, new CudaOptions(audit, false));
  }

  private static Transformer load(Path folder, Compute compute) {
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      ModelSpec spec = Families.spec(checkpoint.config());
      return Transformer.load(checkpoint, spec, compute.open(spec, _ -> {}), 1 << 20, _ -> {});
    }
  }

  private static Transformer demo(String name, Compute compute) {
    return load(MODELS.resolve(name), compute);
  }

  private static ModelSpec spec(String name) {
    try (Checkpoint checkpoint = Checkpoint.open(MODELS.resolve(name))) {
      return Families.spec(checkpoint.config());
    }
  }

  private static SamplingOptions options(String name, double temperature) {
    int length = Cuda.isEmulated() ? 24 : 48;
    Map<String, Object> values = new HashMap<>();
    values.put("gen_length", length);
    values.put("temperature", temperature);
    values.put("seed", 3);
    if (name.equals(DECODER)) {
      return SamplingOptions.of("decode", values);
    }
    values.put("steps", Cuda.isEmulated() ? 4 : 24);
    values.put("block_length", length / 2);
    return SamplingOptions.of("llada", values);
  }

  private static List<int[]> write(
      String name, Transformer model, List<int[]> prompts, double temperature) {
    ModelSpec spec = spec(name);
    Generator generator =
        new Generator(
            model, ModelTraits.limits(spec), ModelTraits.specials(spec, OptionalInt.empty()));
    List<Request> requests = new ArrayList<>();
    for (int[] prompt : prompts) {
      requests.add(generator.request(prompt, options(name, temperature), SnapshotListener.NONE));
    }
    return generator.generateAll(requests, Driver.UNLIMITED).stream()
        .map(Generation::generated)
        .toList();
  }

  private static Stream<String> oracles() {
    return Stream.of(
        "llada-mha",
        "llada-gqa",
        "dream",
        "llada-moe",
        "llada2-moe",
        "sdar",
        "llama",
        "qwen2",
        "qwen3",
        "qwen2-window",
        "qwen3-window");
  }

  /**
   * Of some the random weights are of no use in bf16: the published code itself is far off there.
   */
  private static Stream<String> exactOracles() {
    return Stream.concat(
        oracles(),
        Stream.of(
            "diffusion-gemma", "a2d-qwen3", "llada2-edit", "nemotron", "idlm", "wedlm-qwen3"));
  }

  @ParameterizedTest
  @MethodSource("exactOracles")
  void everyLogitAndEveryStateIsThatOfThePublishedCode(String folder) {
    try (OracleFolder oracle =
        OracleFolder.open(ORACLE.resolve(folder), onDevice(Precision.F32, false), _ -> {})) {
      assertThat(oracle.verify()).isNotEmpty().allMatch(OracleFolder.Verdict::passed);
    }
  }

  @ParameterizedTest
  @MethodSource("oracles")
  void inBf16TheLogitsAreThoseOfThePublishedCodeToItsPrecision(String folder) {
    try (OracleFolder oracle =
        OracleFolder.open(ORACLE.resolve(folder), onDevice(Precision.BF16, false), _ -> {})) {
      assertThat(oracle.verifyLogits()).isNotEmpty().allMatch(OracleFolder.Verdict::passed);
    }
  }

  private static Query query(SplittableRandom random, int length) {
    return new Query(
        random.ints(length, 0, 100).toArray(),
        0,
        IntStream.range(0, length).filter(i -> i % 3 != 1).toArray(),
        0,
        Draw.GREEDY,
        Optional.empty());
  }

  /** A token's experts serve other tokens too, whose number decides on tiles and places. */
  @ParameterizedTest
  @CsvSource({"llada-moe, F32", "llada-moe, BF16", "llada2-moe, F32", "llada2-moe, BF16"})
  void expertsAnswerTheSameAloneInABatchAgainAndAudited(String folder, Precision precision) {
    SplittableRandom random = new SplittableRandom(8);
    List<Query> queries = List.of(query(random, 5), query(random, 31), query(random, 1));
    try (Transformer device = load(ORACLE.resolve(folder), onDevice(precision, false));
        Transformer audited = load(ORACLE.resolve(folder), onDevice(precision, true))) {
      List<List<Prediction>> alone = new ArrayList<>();
      for (Query query : queries) {
        alone.addAll(device.predict(List.of(query)));
      }
      for (int time = 0; time < 3; time++) {
        assertThat(device.predict(queries)).isEqualTo(alone);
      }
      assertThat(audited.predict(queries)).isEqualTo(alone);
    }
  }

  @ParameterizedTest(name = "{0} at temperature {1}")
  @CsvSource({"abacus-mdm, 0", "abacus-mdm, 1.5", "abacus-ar, 0", "abacus-ar, 1.5"})
  void theDeviceWritesWhatTheHostWrites(String name, double temperature) {
    try (Transformer device = demo(name, onDevice(Precision.F32, false));
        Transformer host = demo(name, Compute.onHost(Precision.F32, 1))) {
      assertThat(write(name, device, PROMPTS, temperature))
          .usingRecursiveComparison()
          .isEqualTo(write(name, host, PROMPTS, temperature));
    }
  }

  @ParameterizedTest
  @CsvSource({"abacus-mdm, F32", "abacus-mdm, BF16", "abacus-ar, F32", "abacus-ar, BF16"})
  void aTextIsTheSameAloneInABatchAgainAndAudited(String name, Precision precision) {
    try (Transformer device = demo(name, onDevice(precision, false));
        Transformer audited = demo(name, onDevice(precision, true))) {
      List<int[]> together = write(name, device, PROMPTS, 0.7);
      List<int[]> again = write(name, device, PROMPTS, 0.7);
      List<int[]> withoutRemains = write(name, audited, PROMPTS, 0.7);
      for (int i = 0; i < PROMPTS.size(); i++) {
        assertThat(again.get(i)).isEqualTo(together.get(i));
        assertThat(withoutRemains.get(i)).isEqualTo(together.get(i));
        assertThat(write(name, device, PROMPTS.subList(i, i + 1), 0.7).getFirst())
            .isEqualTo(together.get(i));
      }
    }
  }

  private static List<Query> queries(long seed, int count, int longest) {
    SplittableRandom random = new SplittableRandom(seed);
    return IntStream.range(0, count)
        .mapToObj(_ -> query(random, random.nextInt(1, longest)))
        .toList();
  }

  @ParameterizedTest
  @EnumSource
  void aPredictionIsTheSameInBatchesOf1And2And7And32(Precision precision) {
    List<Query> queries = queries(11, 32, Cuda.isEmulated() ? 12 : 90);
    try (Transformer device = demo(DIFFUSION, onDevice(precision, false))) {
      List<List<Prediction>> expected = device.predict(queries);
      for (int batch : new int[] {1, 2, 7}) {
        List<List<Prediction>> found = new ArrayList<>();
        for (int first = 0; first < queries.size(); first += batch) {
          int end = Math.min(queries.size(), first + batch);
          found.addAll(device.predict(queries.subList(first, end)));
        }
        assertThat(found).as("batches of %d", batch).isEqualTo(expected);
      }
    }
  }

  /** Steps of another shape come between, so that their memory and their graphs do. */
  @ParameterizedTest
  @EnumSource
  void manyRunsHaveOneResult(Precision precision) {
    List<Query> queries = queries(12, 3, 5);
    List<Query> others = queries(13, 2, 9);
    try (Transformer device = load(ORACLE.resolve("llada-gqa"), onDevice(precision, false))) {
      Set<List<List<Prediction>>> results = new HashSet<>();
      for (int run = 0; run < RUNS; run++) {
        results.add(device.predict(queries));
        if (run % 100 == 0) {
          device.predict(others);
        }
      }
      assertThat(results).hasSize(1);
    }
  }

  @Test
  void theEmulatedDeviceNamesItself() {
    assumeTrue(Cuda.isEmulated(), "this is a GPU");
    assertThat(CudaBackend.device()).startsWith("emulated device (CPU)");
  }
}
