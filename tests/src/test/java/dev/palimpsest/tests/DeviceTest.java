package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.palimpsest.app.OracleFolder;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.Draw;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.Prediction;
import dev.palimpsest.engine.Query;
import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.backend.cuda.CudaOptions;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.Driver;
import dev.palimpsest.sampler.GenerateOptions;
import dev.palimpsest.sampler.Generation;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.Request;
import dev.palimpsest.sampler.SnapshotListener;
import dev.palimpsest.sampler.SpecialTokens;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whole generations on the device: the emulated one that the build names, or the GPU of the machine
 * that {@code tests/gpu/run} is started on.
 */
@Tag("device")
final class DeviceTest {
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");
  private static final Path MODEL =
      Path.of(System.getProperty("palimpsest.home")).resolve("models").resolve("abacus-mdm");

  /** The emulated device is slow: it writes fewer and shorter texts. */
  private static final List<String> PROMPTS =
      List.of(
              "Maya has 24 marbles. First she buys 7 more. How many marbles does Maya have now?",
              "Omar has 9 coins. First he loses 4 of them. How many coins does Omar have now?",
              "Lena has 12 shells. First she finds 30 more. How many shells does Lena have now?",
              "Ivan has 50 stamps. First he gives away 8 of them. How many stamps does Ivan have now?")
          .subList(0, Cuda.isEmulated() ? 2 : 4);

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

  private static Model load(Compute compute) {
    return Model.load(MODEL, compute, _ -> {}, _ -> {});
  }

  private static GenerateOptions options(double temperature) {
    return GenerateOptions.builder()
        .steps(Cuda.isEmulated() ? 4 : 24)
        .genLength(Cuda.isEmulated() ? 24 : 48)
        .blockLength(Cuda.isEmulated() ? 12 : 24)
        .temperature(temperature)
        .seed(3)
        .build();
  }

  private static List<int[]> write(Model model, List<String> prompts, double temperature) {
    Generator generator =
        new Generator(
            model.transformer(),
            ModelLimits.of(model.spec()),
            SpecialTokens.of(model.spec(), model.endOfTurn()));
    List<Request> requests = new ArrayList<>();
    for (String prompt : prompts) {
      requests.add(new Request(model.prompt(prompt), options(temperature), SnapshotListener.NONE));
    }
    return generator.generateAll(requests, Driver.UNLIMITED).stream()
        .map(Generation::generated)
        .toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "llada-mha",
        "llada-gqa",
        "dream",
        "llada-moe",
        "llada2-moe",
        "sdar",
        "llama",
        "qwen2",
        "qwen3"
      })
  void everyLogitAndEveryStateIsThatOfThePublishedCode(String folder) {
    try (OracleFolder oracle =
        OracleFolder.open(ORACLE.resolve(folder), onDevice(Precision.F32, false), _ -> {})) {
      assertThat(oracle.verify()).isNotEmpty().allMatch(OracleFolder.Verdict::passed);
    }
  }

  private static Transformer loadExperts(String folder, Compute compute) {
    try (Checkpoint checkpoint = Checkpoint.open(ORACLE.resolve(folder))) {
      ModelSpec spec = Families.spec(checkpoint.config());
      return Transformer.load(checkpoint, spec, compute.open(spec, _ -> {}), 1 << 20, _ -> {});
    }
  }

  private static Query query(SplittableRandom random, int length) {
    return new Query(
        random.ints(length, 0, 300).toArray(),
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
    try (Transformer device = loadExperts(folder, onDevice(precision, false));
        Transformer audited = loadExperts(folder, onDevice(precision, true))) {
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

  @ParameterizedTest(name = "at temperature {0}")
  @ValueSource(doubles = {0, 1.5})
  void theDeviceWritesWhatTheHostWrites(double temperature) {
    try (Model device = load(onDevice(Precision.F32, false));
        Model host = load(Compute.onHost(Precision.F32, 1))) {
      assertThat(write(device, PROMPTS, temperature))
          .usingRecursiveComparison()
          .isEqualTo(write(host, PROMPTS, temperature));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aTextIsTheSameAloneInABatchAgainAndAudited(Precision precision) {
    try (Model device = load(onDevice(precision, false));
        Model audited = load(onDevice(precision, true))) {
      List<int[]> together = write(device, PROMPTS, 0.7);
      List<int[]> again = write(device, PROMPTS, 0.7);
      List<int[]> withoutRemains = write(audited, PROMPTS, 0.7);
      for (int i = 0; i < PROMPTS.size(); i++) {
        assertThat(again.get(i)).isEqualTo(together.get(i));
        assertThat(withoutRemains.get(i)).isEqualTo(together.get(i));
        assertThat(write(device, PROMPTS.subList(i, i + 1), 0.7).getFirst())
            .isEqualTo(together.get(i));
      }
    }
  }

  @Test
  void theEmulatedDeviceNamesItself() {
    assumeTrue(Cuda.isEmulated(), "this is a GPU");
    assertThat(CudaBackend.device()).startsWith("emulated device (CPU)");
  }
}
