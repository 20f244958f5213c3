package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.OracleFolder;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The engine and the sampler against what LLaDA's published code computed. */
final class OracleTest {
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");

  @ParameterizedTest(name = "{0} on {1} threads")
  @CsvSource({"llada-mha, 1", "llada-mha, 2", "llada-gqa, 1", "llada-gqa, 3"})
  void everyLogitAndEveryStateIsThatOfThePublishedCode(String folder, int threads) {
    try (OracleFolder oracle = OracleFolder.open(ORACLE.resolve(folder), threads)) {
      assertThat(oracle.verify()).hasSize(7).allMatch(OracleFolder.Verdict::passed);
    }
  }
}
