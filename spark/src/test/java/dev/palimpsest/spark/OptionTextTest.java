package dev.palimpsest.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class OptionTextTest {
  @Test
  void aValueHasTheTypeThatItLooksLike() {
    assertThat(
            OptionText.parse(
                List.of(
                    "sampler=llada",
                    "gen-length=64",
                    "threshold=0.9",
                    "logits_eos_inf=true",
                    "seed=12345678901")))
        .containsEntry("sampler", "llada")
        .containsEntry("gen_length", 64)
        .containsEntry("threshold", 0.9)
        .containsEntry("logits_eos_inf", true)
        .containsEntry("seed", 12_345_678_901L)
        .hasSize(5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "steps", "=32", "steps="})
  void whatHasNoNameAndValueIsRefused(String text) {
    assertThatThrownBy(() -> OptionText.parse(List.of(text)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("\"%s\" is no option: write name=value, as steps=32", text);
  }

  @Test
  void anOptionIsGivenOnce() {
    assertThatThrownBy(() -> OptionText.parse(List.of("gen-length=64", "gen_length=32")))
        .hasMessage("the option gen_length is given twice");
  }
}
