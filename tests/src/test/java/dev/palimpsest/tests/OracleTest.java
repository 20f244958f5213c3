package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.check.OracleFolder;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The engine and the sampler against what published code computed, and against the bits that this
 * engine computed elsewhere.
 */
@Tag("arithmetic")
final class OracleTest {
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");

  @ParameterizedTest(name = "{0} on {1} threads")
  @CsvSource({
    "llada-mha, 1, 7",
    "llada-mha, 2, 7",
    "llada-gqa, 3, 7",
    "llada-moe, 2, 1",
    "dream, 2, 4",
    "sdar, 1, 5",
    "sdar, 3, 5",
    "llada2-moe, 2, 3",
    "llama, 2, 2",
    "qwen2, 1, 2",
    "qwen3, 3, 2",
    "diffusion-gemma, 2, 2",
    "qwen2-window, 2, 2",
    "qwen3-window, 1, 2",
    "a2d-qwen3, 1, 7",
    "a2d-qwen2, 2, 7",
    "illada, 2, 3",
    "llada2-edit, 2, 3",
    "nemotron, 1, 7",
    "nemotron, 3, 7",
    "idlm, 2, 4",
    "wedlm-qwen2, 2, 4",
    "wedlm-qwen3, 1, 4",
  })
  void everyLogitAndEveryStateIsThatOfThePublishedCode(String folder, int threads, int cases) {
    try (OracleFolder oracle = OracleFolder.open(ORACLE.resolve(folder), threads)) {
      assertThat(oracle.verify())
          .hasSize(cases)
          .allMatch(OracleFolder.Verdict::passed)
          .allMatch(verdict -> verdict.detail().endsWith("equal to the last bit to host-f32/1"));
    }
  }
}
