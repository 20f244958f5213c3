package dev.palimpsest.engine.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class TokenizerTest {
  private final Tokenizer tokenizer = Tokenizer.open(abacus());

  static Path abacus() {
    URL folder =
        Objects.requireNonNull(TokenizerTest.class.getResource("/abacus-tokenizer"), "resource");
    try {
      return Path.of(folder.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  @AfterAll
  void close() {
    tokenizer.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "24+13=37. 37-9=28. Answer: 28",
        "<|user|> has 12 apples.",
        "<|mask|><|mask|>"
      })
  void whatIsInTheVocabularySurvivesEncodingAndDecoding(String text) {
    assertThat(tokenizer.decode(tokenizer.encode(text), false)).isEqualTo(text);
  }

  @Test
  void controlTokensTheUnknownOneAndNumbersWithoutATokenAreNoText() {
    for (String control : new String[] {"<|unk|>", "<|user|>", "<|mask|>"}) {
      assertThat(tokenizer.isText(tokenizer.id(control).orElseThrow())).as(control).isFalse();
    }
    assertThat(tokenizer.isText(tokenizer.id("2").orElseThrow())).isTrue();
    assertThat(tokenizer.isText(tokenizer.vocabularySize())).isFalse();
    assertThat(tokenizer.isText(-1)).isFalse();
  }

  @Test
  void theLibraryCanBeLoadedAhead() {
    assertThat(Tokenizer.prepare()).isTrue();
  }

  @Test
  void specialTokensInTheTextAreRecognisedAndNoneIsAdded() {
    int user = tokenizer.id("<|user|>").orElseThrow();
    int two = tokenizer.id("2").orElseThrow();
    assertThat(tokenizer.encode("<|user|>2")).containsExactly(user, two);
    assertThat(tokenizer.decode(new int[] {user, two}, true)).isEqualTo("2");
    assertThat(tokenizer.decode(new int[] {user, two}, false)).isEqualTo("<|user|>2");
  }

  @Test
  void longTextsAreNotCut() {
    assertThat(tokenizer.encode("7".repeat(10_000))).hasSize(10_000);
  }

  @Test
  void thePiecesOfATextMakeTheText() {
    String text = "<|user|> has 12 apples.<|end|>";
    StringBuilder pieces = new StringBuilder();
    for (int id : tokenizer.encode(text)) {
      pieces.append(tokenizer.piece(id));
    }
    assertThat(pieces).hasToString(text);
    assertThat(tokenizer.piece(1_000_000)).isEmpty();
  }

  @Test
  void theVocabularyKnowsItsIds() {
    assertThat(tokenizer.unknownId()).hasValue(0);
    assertThat(tokenizer.id("<|mask|>")).hasValue(4);
    assertThat(tokenizer.id("no such token")).isEmpty();
    assertThat(tokenizer.vocabularySize()).isGreaterThan(50);
    assertThat(tokenizer.piece(tokenizer.vocabularySize() - 1)).isNotEmpty();
    assertThat(tokenizer.piece(tokenizer.vocabularySize())).isEmpty();
  }

  @Test
  void wordsOutsideTheVocabularyAreListedOnceAndInOrder() {
    assertThat(tokenizer.unknownWords("😀 frobnicates 3 zyx's, has frobnicates."))
        .containsExactly("😀", "frobnicates", "zyx's", ",");
    assertThat(tokenizer.unknownWords("<|user|> has 12 apples.")).isEmpty();
    assertThat(tokenizer.unknownWords("<|unk|>")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"\ud800", "a\udc00b", "\u0000", "😀", "\uffff"})
  void oddCharactersAreUnknownAndHarmless(String text) {
    assertThat(tokenizer.encode(text)).contains(0);
  }

  @Test
  void aNegativeIdIsRefused() {
    assertThatThrownBy(() -> tokenizer.decode(new int[] {-1}, false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("-1");
  }

  @Test
  void aMissingTokenizerIsRefused(@TempDir Path folder) {
    assertThatThrownBy(() -> Tokenizer.open(folder).close())
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(folder + ": the folder has no tokenizer.json");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "{}",
        "{\"model\":{\"vocab\":{}}}",
        "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":-1},\"unk_token\":\"a\"}}",
        "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}}",
        "{\"model\":{\"type\":\"NoSuch\",\"vocab\":{\"a\":0}}}"
      })
  void aMalformedTokenizerIsRefusedInOneLine(String json, @TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("tokenizer.json"), json);
    assertThatThrownBy(() -> Tokenizer.open(folder).close())
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageNotContaining("\n");
  }

  @Test
  void aTextThatNeedsAnUnknownTokenWhereThereIsNoneIsRefused(@TempDir Path folder)
      throws IOException {
    Files.writeString(
        folder.resolve("tokenizer.json"),
        "{\"version\":\"1.0\",\"added_tokens\":[],\"model\":"
            + "{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"none\"}}");
    try (Tokenizer small = Tokenizer.open(folder)) {
      assertThat(small.unknownId()).isEmpty();
      assertThat(small.encode("a")).containsExactly(0);
      assertThatThrownBy(() -> small.encode("b")).isInstanceOf(CheckpointException.class);
    }
  }

  @Test
  void aClosedTokenizerSaysSo() {
    Tokenizer closed = Tokenizer.open(abacus());
    closed.close();
    closed.close();
    assertThatThrownBy(() -> closed.encode("1")).isInstanceOf(IllegalStateException.class);
  }
}
