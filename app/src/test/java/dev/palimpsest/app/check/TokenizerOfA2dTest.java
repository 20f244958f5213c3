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

  private void tokenizer(String token, String instead) throws IOException {
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      String text = Files.readString(Cli.home().resolve("models/abacus-mdm").resolve(file));
      Files.writeString(folder.resolve(file), text.replace(token, instead));
    }
  }

  @Test
  void aTurnEndsWithTheTokenizersEnd() throws IOException {
    tokenizer("<|assistant|>", "<|im_end|>");
    try (Model model = Model.load(folder, Precision.F32, 1, _ -> {})) {
      assertThat(model.endOfTurn()).hasValue(2);
      assertThat(model.notices()).anyMatch(each -> each.contains("--sampler block --after-prompt"));
    }
  }

  @Test
  void anotherMaskThanTheTokenizersIsRefused() throws IOException {
    tokenizer("<|user|>", "<|mask|>");
    Outcome outcome = Outcome.of("generate", "--model", folder.toString(), "1+1=");
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.err())
        .contains(
            "the tokenizer's <|mask|> is id 1, and the model would run with 159: name it as"
                + " mask_token_id in config.json.");
  }
}
