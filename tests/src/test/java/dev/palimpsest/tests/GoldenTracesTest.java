package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.app.check.Bits;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Generations of the demo pair have the bits of {@code golden-traces.txt} on every machine: every
 * canvas and every scalar of every prediction, under host-f32/1.
 */
@Tag("arithmetic")
final class GoldenTracesTest {
  private static final Path GOLDEN = Path.of("src", "test", "resources", "golden-traces.txt");

  record Case(String model, String sampler, Map<String, Object> options) {
    String line(int threads) {
      Bits bits = new Bits();
      Path folder = Path.of(System.getProperty("palimpsest.home")).resolve("models").resolve(model);
      try (Model loaded = Model.load(folder, Precision.F32, threads, _ -> {})) {
        Generator generator =
            new Generator(
                loaded.transformer(),
                ModelTraits.limits(loaded.spec()),
                ModelTraits.specials(loaded.spec(), loaded.endOfTurn()));
        for (int[] prompt : DemoPrompts.ids()) {
          generator.generate(prompt, SamplingOptions.of(sampler, options), bits::add);
        }
      }
      return "%s %s %s %s".formatted(bits.sha256(), model, sampler, options);
    }
  }

  static Stream<Arguments> casesAndThreads() {
    List<Case> cases =
        List.of(
            new Case(
                "abacus-mdm", "llada", options("gen_length", 48, "block_length", 48, "steps", 24)),
            new Case(
                "abacus-mdm",
                "llada",
                options("gen_length", 48, "block_length", 48, "temperature", 0.8, "seed", 7)),
            new Case(
                "abacus-mdm",
                "llada",
                options("gen_length", 48, "block_length", 48, "steps", 12, "cfg_scale", 0.5)),
            new Case("abacus-ar", "decode", options("gen_length", 40)),
            new Case(
                "abacus-ar",
                "decode",
                options("gen_length", 40, "temperature", 0.7, "top_p", 0.9)));
    return cases.stream().flatMap(each -> Stream.of(Arguments.of(each, 1), Arguments.of(each, 3)));
  }

  private static Map<String, Object> options(Object... pairs) {
    Map<String, Object> options = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      options.put((String) pairs[i], pairs[i + 1]);
    }
    return options;
  }

  @ParameterizedTest(name = "{0} on {1} threads")
  @MethodSource("casesAndThreads")
  void everyCanvasAndEveryPredictionHasTheRecordedBits(Case each, int threads) {
    assertThat(golden()).contains(each.line(threads));
  }

  private static List<String> golden() {
    try {
      return Files.readAllLines(GOLDEN);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
