package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.Precision;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DemoPromptsTest {
  @ParameterizedTest
  @ValueSource(strings = {"abacus-mdm", "abacus-ar"})
  void theIdsAreThoseOfTheModelsTokenizer(String name) {
    Path folder = Path.of(System.getProperty("palimpsest.home")).resolve("models").resolve(name);
    try (Model model = Model.load(folder, Precision.F32, 1, _ -> {})) {
      assertThat(DemoPrompts.TEXTS.stream().map(model::prompt))
          .usingRecursiveFieldByFieldElementComparator()
          .isEqualTo(DemoPrompts.ids());
    }
  }
}
