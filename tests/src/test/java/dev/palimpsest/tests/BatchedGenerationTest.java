package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Blocks;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Every sampler with every family: what many write together, from kept keys where there are any, is
 * bit for bit what each writes alone, from its tokens.
 */
final class BatchedGenerationTest {
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");
  private static final String FAST_DLLM = "fast-dllm";
  private static final String NEMOTRON = "nemotron";
  private static final String IDLM = "idlm";
  private static final List<String> FULL = List.of("llada-mha", "llada-gqa", "dream", "llada-moe");
  private static final List<String> BLOCKS = List.of("llada2-moe", "sdar", FAST_DLLM);
  private static final List<String> FROM_PROMPT = List.of("a2d-qwen3", "a2d-qwen2");
  private static final List<String> KNOWN_FIRST = List.of("wedlm-qwen2", "wedlm-qwen3");
  private static final List<String> CAUSAL =
      List.of("llama", "qwen2", "qwen3", "qwen3-window", NEMOTRON);
  private static final int MIXES = 200;

  /** Whoever has these layers, as Qwen2 has them, can be run as Fast-dLLM v2 is. */
  private static final Map<String, Object> AS_FAST_DLLM =
      Map.of(
          "model_type", "Fast_dLLM_Qwen",
          "architectures", List.of("Fast_dLLM_QwenForCausalLM"),
          "bd_size", 8,
          "mask_token_id", 299,
          "eos_token_id", 298);

  @TempDir private static Path folders;

  private static Stream<Arguments> samplers() {
    return SamplingOptions.SAMPLERS.stream()
        .flatMap(
            sampler ->
                folders(sampler).stream()
                    .flatMap(
                        folder ->
                            IntStream.of(1, 2)
                                .mapToObj(threads -> Arguments.of(sampler, folder, threads))));
  }

  private static List<String> folders(String sampler) {
    return switch (sampler) {
      case "decode" -> CAUSAL;
      case "sub_block" -> List.of(FAST_DLLM);
      case "entropy_bound" -> List.of("diffusion-gemma");
      case "seeded_block", "linear_spec" -> List.of(NEMOTRON);
      case "wedlm" -> KNOWN_FIRST;
      case "isd" -> List.of(IDLM);
      case "block" -> Stream.of(BLOCKS, FULL, FROM_PROMPT).flatMap(List::stream).toList();
      default -> FULL;
    };
  }

  @ParameterizedTest(name = "{0} with {1} on {2} threads")
  @MethodSource("samplers")
  void manyTogetherWriteWhatEachWritesAlone(String sampler, String folder, int threads)
      throws IOException {
    Path model = folder.equals(FAST_DLLM) ? fastDllm() : ORACLE.resolve(folder);
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      ModelSpec spec =
          Families.spec(checkpoint.config())
              .recommended(
                  GenerationConfig.NONE,
                  FROM_PROMPT.contains(folder)
                      ? Optional.of(new Blocks(4, Blocks.Seen.FROM_PROMPT))
                      : folder.equals(IDLM)
                          ? Optional.of(new Blocks(1, Blocks.Seen.CAUSALLY))
                          : Optional.empty());
      try (Transformer transformer =
          Transformer.load(checkpoint, spec, new HostBackend(Precision.F32, threads), _ -> {})) {
        ModelLimits limits = ModelTraits.limits(spec);
        SpecialTokens specials = ModelTraits.specials(spec, OptionalInt.empty());
        Generator generator = new Generator(transformer, limits, specials);
        Generator recomputing =
            new Generator(transformer.asking(Query::uncached), limits, specials);
        int mixes = Math.ceilDiv(MIXES, 2 * folders(sampler).size());
        for (int mix = 0; mix < mixes; mix++) {
          assertSame(
              transformer, generator, recomputing, spec, sampler, (long) threads * mixes + mix);
        }
      }
    }
  }

  private static Path fastDllm() throws IOException {
    Path folder = folders.resolve(FAST_DLLM);
    if (!Files.exists(folder)) {
      Files.createDirectory(folder);
      Path from = ORACLE.resolve("qwen2");
      Files.copy(from.resolve("model.safetensors"), folder.resolve("model.safetensors"));
      JsonMapper mapper = new JsonMapper();
      ObjectNode config = (ObjectNode) mapper.readTree(from.resolve("config.json").toFile());
      AS_FAST_DLLM.forEach(config::putPOJO);
      Files.writeString(folder.resolve("config.json"), mapper.writeValueAsString(config));
    }
    return folder;
  }

  private static void assertSame(
      Transformer transformer,
      Generator generator,
      Generator recomputing,
      ModelSpec spec,
      String sampler,
      long seed) {
    Random random = new Random(seed);
    List<int[]> prompts = new ArrayList<>();
    List<SamplingOptions> options = new ArrayList<>();
    int size = 2 + random.nextInt(4);
    for (int request = 0; request < size; request++) {
      prompts.add(random.ints(1 + random.nextInt(12), 0, spec.vocabulary() - 2).toArray());
      List<String> fitting = fitting(spec);
      String name = request == 0 ? sampler : fitting.get(random.nextInt(fitting.size()));
      options.add(options(name, spec, random));
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
      recomputing.generate(prompts.get(request), options.get(request), alone::add);
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
        && Arrays.equals(a.remasked(), b.remasked())
        && a.predictions().equals(b.predictions())
        && a.canvas().equals(b.canvas());
  }

  private static List<String> fitting(ModelSpec spec) {
    return switch (spec.attention().pattern()) {
      case AttentionPattern.Causal _ ->
          spec.reading().ids().mask().isPresent() ? List.of("isd", "decode") : List.of("decode");
      case AttentionPattern.BlockCausal _ ->
          spec.reading().shifted() ? List.of("block", "sub_block") : List.of("block");
      case AttentionPattern.BlocksFromEnd _ -> List.of("block");
      case AttentionPattern.CausalContext _ -> List.of("seeded_block", "linear_spec", "decode");
      case AttentionPattern.KnownFirst _ -> List.of("wedlm");
      case AttentionPattern.Canvas _ -> List.of("entropy_bound");
      case AttentionPattern.Full _ -> List.of("llada", "dream", "remdm", "p2", "block");
    };
  }

  private static SamplingOptions options(String sampler, ModelSpec spec, Random random) {
    Map<String, Object> values = new HashMap<>();
    values.put("seed", random.nextLong());
    values.put("gen_length", 1 + random.nextInt(12));
    boolean draws = !sampler.equals("entropy_bound");
    if (draws && random.nextBoolean()) {
      values.put("temperature", 0.2 + random.nextDouble());
    }
    boolean narrows =
        !Set.of("llada", "seeded_block", "linear_spec", "wedlm", "isd").contains(sampler);
    if (draws && narrows && random.nextBoolean()) {
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
      case "p2" -> {
        values.put("steps", 1 + random.nextInt(8));
        values.put("eta", 2 * random.nextDouble());
      }
      case "block" -> {
        values.put(
            "block_length",
            spec.attention().pattern() instanceof AttentionPattern.BlockCausal blocks
                ? blocks.length()
                : 4);
        values.put(
            "after_prompt", spec.attention().pattern() instanceof AttentionPattern.BlocksFromEnd);
        values.put("steps", 1 + random.nextInt(4));
        values.put("threshold", random.nextDouble());
        values.put(
            "remasking",
            List.of(
                    "low_confidence_dynamic",
                    "low_confidence_static",
                    "sequential",
                    "entropy_bounded")
                .get(random.nextInt(4)));
        if (values.get("remasking").equals("low_confidence_dynamic") && random.nextBoolean()) {
          values.put("low_threshold", 0.9 * (double) values.get("threshold"));
        }
        if (random.nextBoolean()) {
          values.put("editing_threshold", random.nextDouble());
        }
      }
      case "entropy_bound" -> {
        values.put(
            "canvas_length", ((AttentionPattern.Canvas) spec.attention().pattern()).length());
        values.put("vocabulary", spec.vocabulary());
        values.put("gen_length", 1 + random.nextInt(32));
        values.put("max_denoising_steps", 1 + random.nextInt(6));
        values.put("entropy_bound", 20 * random.nextDouble());
        values.put("confidence_threshold", 5 * random.nextDouble());
        values.put(
            "self_conditioning", List.of("off", "top_1", "soft", "top_k").get(random.nextInt(4)));
      }
      case "sub_block" -> {
        values.put("block_length", 8);
        values.put("sub_block_length", 4);
        values.put("threshold", random.nextDouble());
      }
      case "seeded_block", "linear_spec" -> {
        values.put("block_length", 8);
        values.put("gen_length", 1 + random.nextInt(24));
        values.put("threshold", 0.1 * random.nextDouble());
      }
      case "isd" -> values.put("gen_block_size", 1 + random.nextInt(5));
      case "wedlm" -> {
        values.put("window_size", 1 + random.nextInt(8));
        values.put("entropy_threshold", 5 * random.nextDouble());
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
