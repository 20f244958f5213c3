package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.step.AttentionPattern;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Every canvas that published samplers write on the oracle's checkpoints with these random numbers,
 * as {@code tests/oracle/sampler_states.py} recorded them.
 */
final class SamplerStatesTest {
  private static final Path ORACLE = Path.of("src/test/resources/oracle");

  private static Stream<Arguments> cases() throws IOException {
    try (InputStream in = SamplerStatesTest.class.getResourceAsStream("/sampler-states.json")) {
      JsonNode cases = new JsonMapper().readTree(in).path("cases");
      return StreamSupport.stream(cases.spliterator(), false)
          .map(each -> Arguments.of(each.path("sampler"), each.path("folder"), options(each), each))
          .toList()
          .stream();
    }
  }

  @ParameterizedTest(name = "{0} on {1} with {2}")
  @MethodSource("cases")
  void everyCanvasIsThatOfThePublishedLoop(
      JsonNode sampler, JsonNode folder, Map<String, Object> options, JsonNode given) {
    try (Checkpoint checkpoint = Checkpoint.open(ORACLE.resolve(folder.stringValue()))) {
      ModelSpec published = Families.spec(checkpoint.config());
      ModelSpec spec =
          published.attention().pattern() instanceof AttentionPattern.BlockCausal
              ? published.withBlockLength(given.path("options").path("block_length").intValue())
              : published;
      List<List<Integer>> canvases = new ArrayList<>();
      try (Transformer transformer =
          Transformer.load(checkpoint, spec, new HostBackend(Precision.F32, 1), _ -> {})) {
        var _ =
            new Generator(
                    transformer,
                    ModelTraits.limits(spec),
                    ModelTraits.specials(spec, OptionalInt.empty()))
                .generate(
                    ints(given.path("prompt")).stream().mapToInt(Integer::intValue).toArray(),
                    SamplingOptions.of(sampler.stringValue(), options),
                    snapshot -> {
                      int[] ids = snapshot.canvas().ids();
                      int start = snapshot.canvas().promptLength();
                      canvases.add(Arrays.stream(ids, start, ids.length).boxed().toList());
                    });
      }
      List<List<Integer>> expected = new ArrayList<>();
      given.path("canvases").forEach(canvas -> expected.add(ints(canvas)));
      assertThat(canvases).isEqualTo(expected);
    }
  }

  private static Map<String, Object> options(JsonNode given) {
    Map<String, Object> options = new LinkedHashMap<>();
    given
        .path("options")
        .properties()
        .forEach(
            option ->
                options.put(option.getKey(), SamplingOptions.value(option.getValue().asString())));
    return options;
  }

  private static List<Integer> ints(JsonNode array) {
    List<Integer> values = new ArrayList<>();
    array.forEach(each -> values.add(each.intValue()));
    return values;
  }
}
