package dev.palimpsest.app.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.Outcome;
import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A trace is replayed by the model in the blocks in which it was written. */
final class ReplayedBlocksTest {
  private static final Path ORACLE = Cli.home().resolve("tests/src/test/resources/oracle");

  @TempDir Path folder;

  @ParameterizedTest(name = "{0}: {1}")
  @CsvSource({
    "a2d-qwen3, --block-length 8",
    "a2d-qwen3, --sampler block --after-prompt --block-length 8",
    "a2d-qwen3, --sampler block --after-prompt",
    "nemotron, --sampler seeded_block --block-length 4 --threshold 0.05",
    "nemotron, --sampler linear_spec --temperature 0.7",
    "nemotron, --sampler decode",
    "wedlm-qwen3, --entropy-threshold 4.5",
    "idlm, --sampler isd --gen-block-size 3",
    "idlm, --sampler block --block-length 2",
  })
  void everyStepIsTheSameToTheLastBit(String oracle, String options) throws IOException {
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(ORACLE.resolve(oracle).resolve(file), folder.resolve(file));
    }
    for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
      String text = Files.readString(Cli.home().resolve("models/abacus-mdm").resolve(file));
      Files.writeString(folder.resolve(file), text.replace("<|mask|>", "<|hole|>"));
    }
    Path trace = folder.resolve("a.trace.jsonl");
    List<String> command =
        new ArrayList<>(List.of("generate", "--model", folder.toString(), "--gen-length", "16"));
    command.addAll(List.of(options.split(" ")));
    command.addAll(List.of("--trace", trace.toString(), "12+7="));
    Outcome written = Outcome.of(command.toArray(String[]::new));
    assertThat(written.code()).as(written.err()).isZero();
    Outcome replayed =
        Outcome.of("replay", "--model", folder.toString(), "--each", trace.toString());
    assertThat(replayed.out()).contains("each from its own canvas, are the same to the last bit");
    assertThat(replayed.code()).as(replayed.err()).isZero();
  }
}
