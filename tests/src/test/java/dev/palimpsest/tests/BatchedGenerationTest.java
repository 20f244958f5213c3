package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.backend.Precision;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.AttentionPattern;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.Driver;
import dev.palimpsest.sampler.Generator;
import dev.palimpsest.sampler.ModelLimits;
import dev.palimpsest.sampler.SamplingOptions;
import dev.palimpsest.sampler.Snapshot;
import dev.palimpsest.sampler.SpecialTokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every family and every sampler: what many write together is, bit for bit, what each writes. */
final class BatchedGenerationTest {
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");
  private static final List<String> FOLDERS =
      List.of(
          "llada-mha",
          "llada-gqa",
          "dream",
          "llada-moe",
          "llada2-moe",
          "sdar",
          "llama",
          "qwen2",
          "qwen3");
  private static final int MIXES = 200;
  private static final int GROUPS = 2;

  private static Stream<Arguments> groups() {
    return FOLDERS.stream()
        .flatMap(
            folder -> IntStream.range(0, GROUPS).mapToObj(group -> Arguments.of(folder, group)));
  }

  @ParameterizedTest(name = "{0}, seeds of group {1}")
  @MethodSource("groups")
  void manyTogetherWriteWhatEachWritesAlone(String folder, int group) {
    try (Checkpoint checkpoint = Checkpoint.open(ORACLE.resolve(folder))) {
      ModelSpec spec = Families.spec(checkpoint.config());
      try (Transformer transformer =
          Transformer.load(checkpoint, spec, new HostBackend(Precision.F32, 1 + group), _ -> {})) {
        Generator generator =
            new Generator(
                transformer, ModelLimits.of(spec), SpecialTokens.of(spec, OptionalInt.empty()));
        int mixes = Math.ceilDiv(MIXES, FOLDERS.size() * GROUPS);
        for (int mix = 0; mix < mixes; mix++) {
          long seed = (long) group * mixes + mix;
          assertSame(transformer, generator, spec, seed);
        }
      }
    }
  }

  private static void assertSame(
      Transformer transformer, Generator generator, ModelSpec spec, long seed) {
    Random random = new Random(seed);
    List<int[]> prompts = new ArrayList<>();
    List<SamplingOptions> options = new ArrayList<>();
    int size = 2 + random.nextInt(4);
    for (int request = 0; request < size; request++) {
      prompts.add(random.ints(1 + random.nextInt(12), 0, spec.vocabulary() - 2).toArray());
      options.add(options(spec, random));
    }
    Driver driver = new Driver(transformer);
    List<List<Snapshot>> together = new ArrayList<>();
    for (int request = 0; request < size; request++) {
      List<Snapshot> heard = new ArrayList<>();
      together.add(heard);
      driver.submit(generator.run(prompts.get(request), options.get(request)), heard::add);
      if (random.nextBoolean()) {
        driver.step();
      }
    }
    driver.run(() -> false);
    for (int request = 0; request < size; request++) {
      List<Snapshot> alone = new ArrayList<>();
      generator.generate(prompts.get(request), options.get(request), alone::add);
      assertThat(together.get(request))
          .as("seed %d, %s", seed, options.get(request))
          .usingElementComparator((a, b) -> same(a, b) ? 0 : 1)
          .isEqualTo(alone);
    }
  }

  /** Everything but the time; predictions bit for bit. */
  private static boolean same(Snapshot a, Snapshot b) {
    return a.at().equals(b.at())
        && a.commits().equals(b.commits())
        && a.edits().equals(b.edits())
        && a.predictions().equals(b.predictions())
        && a.canvas().equals(b.canvas());
  }

  private static SamplingOptions options(ModelSpec spec, Random random) {
    Map<String, Object> values = new HashMap<>();
    values.put("seed", random.nextLong());
    values.put("gen_length", 1 + random.nextInt(12));
    if (random.nextBoolean()) {
      values.put("temperature", 0.2 + random.nextDouble());
    }
    String sampler =
        switch (spec.pattern()) {
          case AttentionPattern.Causal _ -> "decode";
          case AttentionPattern.BlockCausal _ -> "block";
          case AttentionPattern.Full _ ->
              List.of("llada", "dream", "remdm", "block").get(random.nextInt(4));
        };
    if (!sampler.equals("llada") && random.nextBoolean()) {
      values.put("top_p", 0.3 + 0.7 * random.nextDouble());
      values.put("top_k", random.nextInt(50));
    }
    switch (sampler) {
      case "dream" -> {
        values.put("steps", 1 + random.nextInt(8));
        values.put(
            "alg",
            List.of("origin", "maskgit_plus", "topk_margin", "entropy").get(random.nextInt(4)));
      }
      case "remdm" -> {
        values.put("steps", 1 + random.nextInt(8));
        values.put("remasking", List.of("cap", "rescale", "conf").get(random.nextInt(3)));
        values.put("eta", random.nextDouble());
      }
      case "block" -> {
        values.put(
            "block_length",
            spec.pattern() instanceof AttentionPattern.BlockCausal blocks ? blocks.length() : 4);
        values.put("steps", 1 + random.nextInt(4));
        values.put("threshold", random.nextDouble());
        values.put(
            "remasking",
            List.of("low_confidence_dynamic", "entropy_bounded").get(random.nextInt(2)));
        if (random.nextBoolean()) {
          values.put("editing_threshold", random.nextDouble());
        }
      }
      case "llada" -> {
        values.put("block_length", 4);
        values.put("gen_length", 8);
        values.put("steps", 2 * (1 + random.nextInt(4)));
        values.put("cfg_scale", random.nextInt(3) == 0 ? 0.5 : 0);
      }
      default -> {
        // Decoding has no more options.
      }
    }
    return SamplingOptions.of(sampler, values);
  }
}
