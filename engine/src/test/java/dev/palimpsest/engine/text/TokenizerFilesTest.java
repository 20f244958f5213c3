package dev.palimpsest.engine.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Tokenizers whose parts lie in several files, against what Transformers makes of them. */
final class TokenizerFilesTest {
  private static Path recorded() {
    URL folder = Objects.requireNonNull(TokenizerFilesTest.class.getResource("/tokenizers"));
    try {
      return Path.of(folder.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static Stream<String> folders() throws IOException {
    try (Stream<Path> folders = Files.list(recorded())) {
      return folders.map(each -> each.getFileName().toString()).sorted().toList().stream();
    }
  }

  private static int[] ids(JsonNode array) {
    return array.values().stream().mapToInt(JsonNode::intValue).toArray();
  }

  @ParameterizedTest
  @MethodSource("folders")
  void everyTextHasTheTokensThatTransformersGivesIt(String name) throws IOException {
    Path folder = recorded().resolve(name);
    JsonNode texts =
        JsonMapper.shared()
            .readTree(Files.readString(folder.resolve("expected.json")))
            .path("texts");
    assertThat(texts.size()).isEqualTo(10);
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      for (JsonNode each : texts.values()) {
        String text = each.path("text").stringValue();
        assertThat(tokenizer.encode(text)).as(text).isEqualTo(ids(each.path("parsed")));
        assertThat(tokenizer.encodeAlone(text)).as(text).isEqualTo(ids(each.path("alone")));
        assertThat(tokenizer.encode(tokenizer.literal(text)))
            .as("literally, %s", text)
            .isEqualTo(ids(each.path("literal")));
      }
    }
  }

  private static void copy(String name, Path folder) throws IOException {
    try (Stream<Path> files = Files.list(recorded().resolve(name))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    }
  }

  @Test
  void dropoutIsLeftOutAndTold(@TempDir Path folder) throws IOException {
    copy("bos-of-the-processor", folder);
    Path file = folder.resolve("tokenizer.json");
    String json = Files.readString(file);
    Files.writeString(
        file,
        json.replaceFirst("\"dropout\": ?null", "\"dropout\": 0.9")
            .replaceFirst("\"vocab\": ?\\{", "\"vocab\": {\"he\": 262,")
            .replaceFirst("\"merges\": ?\\[]", "\"merges\": [[\"h\", \"e\"]]"));
    List<String> notices = new ArrayList<>();
    try (Tokenizer tokenizer = Tokenizer.open(folder, notices::add)) {
      for (int i = 0; i < 50; i++) {
        assertThat(tokenizer.encode("he")).containsExactly(262);
      }
    }
    assertThat(notices).singleElement().asString().contains("dropout of 0.9");
  }

  @Test
  void aVocabularyOfAnUnknownClassIsRefusedByItsName(@TempDir Path folder) throws IOException {
    copy("qwen2-without-tokenizer-json", folder);
    Files.writeString(
        folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"XlmTokenizer\"}");
    assertThatThrownBy(() -> Tokenizer.open(folder).close())
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("tokenizer_class XlmTokenizer", "Qwen2Tokenizer");
    Files.delete(folder.resolve("merges.txt"));
    assertThatThrownBy(() -> Tokenizer.open(folder).close())
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("no tokenizer.json", "merges.txt", "save_pretrained");
  }

  @Test
  void anAddedTokenThatContradictsTheVocabularyIsRefused(@TempDir Path folder) throws IOException {
    copy("qwen2-without-tokenizer-json", folder);
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"tokenizer_class\":\"Qwen2Tokenizer\",\"added_tokens_decoder\":"
            + "{\"300\":{\"content\":\"he\",\"special\":true}}}");
    assertThatThrownBy(() -> Tokenizer.open(folder).close())
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("\"he\" is to have id 300", "the vocabulary gives it 256");
  }

  @Test
  void anAddedTokenHasTheIdThatItsFileGivesItAlsoAfterAGap(@TempDir Path folder)
      throws IOException {
    copy("bos-of-the-processor", folder);
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"added_tokens_decoder\":{\"270\":{\"content\":\"<|extra|>\",\"special\":true}}}");
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      assertThat(tokenizer.encode("a<|extra|>")).containsExactly(97, 270);
      assertThat(tokenizer.encode(tokenizer.literal("<|extra|>"))).doesNotContain(270);
      assertThat(tokenizer.decode(new int[] {97, 270}, false)).isEqualTo("a<|extra|>");
    }
  }

  @Test
  void aSplitOfSpecialTokensIsRead(@TempDir Path folder) throws IOException {
    copy("bos-of-the-processor", folder);
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      assertThat(tokenizer.splitsSpecialTokens()).isFalse();
    }
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"split_special_tokens\":true}");
    try (Tokenizer tokenizer = Tokenizer.open(folder)) {
      assertThat(tokenizer.splitsSpecialTokens()).isTrue();
    }
  }
}
