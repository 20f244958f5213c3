package dev.palimpsest.sampler.method;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.step.SamplingFilter;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SDAR publishes a temperature of 0.6, a top k of 20 and a nucleus of 0.95: the order counts. */
final class TokenDrawTest {
  @ParameterizedTest
  @CsvSource({
    "block, TOP_K_FIRST",
    "decode, TOP_K_FIRST",
    "dream, NUCLEUS_FIRST",
    "remdm, NUCLEUS_FIRST",
    "p2, NUCLEUS_FIRST",
    "sub_block, NUCLEUS_FIRST"
  })
  void theCutsAreMadeInTheOrderOfEachSamplersReference(String sampler, SamplingFilter.Order order) {
    SamplingOptions options =
        SamplingOptions.of(sampler, Map.of("temperature", 0.6, "top_k", 20, "top_p", 0.95));
    assertThat(draw(options).draw(0, 0, new int[0]).filter())
        .contains(new SamplingFilter(20, 0.95, order));
  }

  @Test
  void withoutCutsAndTemperatureThereIsNoFilter() {
    assertThat(TokenDraw.GREEDY.draw(0, 0, new int[0]).filter()).isEmpty();
  }

  private static TokenDraw draw(SamplingOptions options) {
    return switch (options) {
      case BlockOptions block -> block.draw();
      case DecodeOptions decode -> decode.draw();
      case DreamOptions dream -> dream.draw();
      case RemdmOptions remdm -> remdm.draw();
      case P2Options p2 -> p2.draw();
      case SubBlockOptions subBlock -> subBlock.draw();
      default -> throw new AssertionError(options.samplerName());
    };
  }
}
