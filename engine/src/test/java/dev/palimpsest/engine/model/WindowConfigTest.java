package dev.palimpsest.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

/** Sliding windows as configurations of Qwen's models write them. */
final class WindowConfigTest {
  private static final int LAYERS = 4;
  private static final String FULL = "\"full_attention\"";
  private static final String SLIDING = "\"sliding_attention\"";

  private static ModelSpec spec(String family, String keys) {
    return Families.spec(
        JsonMapper.shared()
            .readTree(
                """
                    {"model_type": "%s", "hidden_size": 32, "num_attention_heads": 2,
                     "intermediate_size": 40, "vocab_size": 90, "num_hidden_layers": %d,
                     "hidden_act": "silu", "rms_norm_eps": 1e-6, "max_position_embeddings": 700%s}
                    """
                    .formatted(family, LAYERS, keys)));
  }

  private static List<Integer> windows(ModelSpec spec) {
    return IntStream.range(0, LAYERS).mapToObj(layer -> spec.attention(layer).window()).toList();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "0 | 9 9 9 9",
        "3 | 2147483647 2147483647 2147483647 9",
        "4 | 2147483647 2147483647 2147483647 2147483647",
      })
  void layersFromMaxWindowLayersOnHaveTheWindow(int layers, String expected) {
    for (String family : List.of("qwen2", "qwen3")) {
      String keys =
          ", \"use_sliding_window\": true, \"sliding_window\": 9, \"max_window_layers\": " + layers;
      assertThat(windows(spec(family, keys)))
          .isEqualTo(Arrays.stream(expected.split(" ")).map(Integer::valueOf).toList());
    }
  }

  @Test
  void layersThatAreNamedComeBeforeTheirCount() {
    String keys =
        ", \"use_sliding_window\": true, \"max_window_layers\": 0, \"layer_types\": [%s, %s, %s, %s]"
            .formatted(SLIDING, FULL, FULL, SLIDING);
    assertThat(windows(spec("qwen3", keys)))
        .containsExactly(4096, Integer.MAX_VALUE, Integer.MAX_VALUE, 4096);
  }

  @Test
  void aWindowThatIsNotUsedIsNone() {
    String keys =
        ", \"use_sliding_window\": false, \"sliding_window\": 9, \"max_window_layers\": 0";
    assertThat(windows(spec("qwen2", keys))).containsOnly(Integer.MAX_VALUE);
  }

  @Test
  void layersOfAnotherNumberOrNameAreRefused() {
    for (String types : List.of(SLIDING, String.join(",", FULL, FULL, FULL, "\"chunked\""))) {
      String keys = ", \"use_sliding_window\": true, \"layer_types\": [" + types + "]";
      assertThatThrownBy(() -> spec("qwen3", keys))
          .isInstanceOf(UnsupportedModelException.class)
          .hasMessageStartingWith("config.json has layer_types [")
          .hasMessageEndingWith(
              "\"full_attention\" or \"sliding_attention\" for each of 4 layers is needed.");
    }
  }

  @Test
  void namedSlidingLayersWithoutAWindowAreRefused() {
    String keys = ", \"layer_types\": [%s, %s, %s, %s]".formatted(FULL, FULL, FULL, SLIDING);
    assertThatThrownBy(() -> spec("qwen2", keys))
        .isInstanceOf(UnsupportedModelException.class)
        .hasMessageContaining("asks for layer_types");
  }
}
