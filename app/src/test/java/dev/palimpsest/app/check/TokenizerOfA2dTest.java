package dev.palimpsest.app.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.device.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an A2D configuration does not say is in the tokenizer: the mask, and the end of a turn. */
final class TokenizerOfA2dTest {
  @TempDir Path folder;

  @BeforeEach
  void copyTheWeights() throws IOException {
    Path oracle = Cli.home().resolve("tests/src/test/resources/oracle/a2d-qwen3");
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(oracle.resolve(file), folder.resolve(file));
    }
  }

  /** The demo's, which has a mask of its own, with other names of some tokens. */
  private void tokenizer(Map<String, String> names) throws IOException {
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      String text = Files.readString(Cli.home().resolve("models/abacus-mdm").resolve(file));
      for (Map.Entry<String, String> name : names.entrySet()) {
        text = text.replace(name.getKey(), name.getValue());
      }
      Files.writeString(folder.resolve(file), text);
    }
  }

  @Test
  void aTurnEndsWithTheTokenizersEnd() throws IOException {
    tokenizer(Map.of("<|mask|>", "<|hole|>", "<|assistant|>", "<|im_end|>"));
    try (Model model = Model.load(folder, Precision.F32, 1, _ -> {})) {
      assertThat(model.endOfTurn()).hasValue(2);
      assertThat(model.notices()).anyMatch(each -> each.contains("--sampler block --after-prompt"));
    }
  }

  @Test
  void anotherMaskThanTheTokenizersIsRefused() throws IOException {
    tokenizer(Map.of());
    Outcome outcome = Outcome.of("generate", "--model", folder.toString(), "1+1=");
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err())
        .contains(
            "the tokenizer's <|mask|> is id 4, and the model would run with 159: name it as"
                + " mask_token_id in config.json.");
  }
}
