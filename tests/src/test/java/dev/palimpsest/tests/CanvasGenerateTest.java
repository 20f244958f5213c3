package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Every canvas that DiffusionGemma's published {@code generate} writes with these random numbers,
 * as {@code tests/oracle/canvas_generate.py} recorded them.
 */
final class CanvasGenerateTest {
  private static final Path MODEL = Path.of("src/test/resources/oracle/diffusion-gemma");

  private static final JsonNode CASES = cases();

  private static JsonNode cases() {
    try (InputStream in = CanvasGenerateTest.class.getResourceAsStream("/canvas-generate.json")) {
      return new JsonMapper().readTree(in).path("cases");
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static IntStream numbers() {
    return IntStream.range(0, CASES.size());
  }

  @ParameterizedTest
  @MethodSource("numbers")
  void everyCanvasIsThatOfThePublishedLoop(int number) {
    JsonNode given = CASES.path(number);
    try (Checkpoint checkpoint = Checkpoint.open(MODEL)) {
      ModelSpec spec = Families.spec(checkpoint.config());
      int length = spec.canvas().orElseThrow().length();
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("canvas_length", length);
      values.put("vocabulary", spec.vocabulary());
      values.put("gen_length", given.path("max_new_tokens").intValue());
      values.put("self_conditioning", given.path("self_conditioning").stringValue());
      if (given.has("self_conditioning_k")) {
        values.put("self_conditioning_k", given.path("self_conditioning_k").intValue());
      }
      for (String name : List.of("seed", "max_denoising_steps", "stability_threshold")) {
        values.put(name, given.path(name).intValue());
      }
      for (String name : List.of("entropy_bound", "t_min", "t_max", "confidence_threshold")) {
        values.put(name, given.path(name).doubleValue());
      }
      List<List<Integer>> canvases = new ArrayList<>();
      try (Transformer transformer =
          Transformer.load(checkpoint, spec, new HostBackend(Precision.F32, 1), _ -> {})) {
        SpecialTokens specials = ModelTraits.specials(spec, OptionalInt.empty());
        var _ =
            new Generator(transformer, ModelTraits.limits(spec), specials)
                .generate(
                    ints(given.path("prompt")).stream().mapToInt(Integer::intValue).toArray(),
                    SamplingOptions.of("entropy_bound", values),
                    snapshot -> {
                      int[] ids = snapshot.canvas().ids();
                      int start = snapshot.canvas().promptLength() + snapshot.block() * length;
                      canvases.add(Arrays.stream(ids, start, start + length).boxed().toList());
                    });
      }
      List<List<Integer>> expected = new ArrayList<>();
      given.path("canvases").forEach(canvas -> expected.add(ints(canvas)));
      assertThat(canvases).isEqualTo(expected);
    }
  }

  private static List<Integer> ints(JsonNode array) {
    List<Integer> values = new ArrayList<>();
    array.forEach(each -> values.add(each.intValue()));
    return values;
  }
}
