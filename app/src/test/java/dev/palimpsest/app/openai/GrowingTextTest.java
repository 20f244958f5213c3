package dev.palimpsest.app.openai;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.text.Tokenizer;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Texts that grow are, put together, the texts that are decoded at once. */
final class GrowingTextTest {
  private static Tokenizer tokenizer;

  @BeforeAll
  static void open() {
    tokenizer = Tokenizer.open(Cli.home().resolve(Path.of("models", "abacus-mdm")));
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  static IntStream seeds() {
    return IntStream.range(0, 50);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void partsMakeTheWhole(int seed) {
    Random random = new Random(seed);
    int[] tokens = random.ints(40, 0, tokenizer.vocabularySize()).toArray();
    GrowingText text = new GrowingText(tokenizer, List.of());
    StringBuilder parts = new StringBuilder();
    for (int token : tokens) {
      text.add(token);
      if (random.nextBoolean()) {
        parts.append(text.take());
      }
    }
    parts.append(text.finish());
    assertThat(parts.toString()).isEqualTo(tokenizer.decode(tokens, true));
    assertThat(text.whole()).isEqualTo(parts.toString());
    assertThat(text.tokens()).isEqualTo(tokens.length);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aTextEndsBeforeItsFirstStopStringAndGivesNoPartOfIt(int seed) {
    Random random = new Random(seed);
    int[] tokens = random.ints(60, 5, 30).toArray();
    String whole = tokenizer.decode(tokens, true);
    int from = random.nextInt(whole.length() - 6);
    String stop = whole.substring(from, from + 1 + random.nextInt(5));
    GrowingText text = new GrowingText(tokenizer, List.of("never", stop));
    StringBuilder parts = new StringBuilder();
    for (int token : tokens) {
      text.add(token);
      parts.append(text.take());
      assertThat(parts).doesNotContain(stop);
    }
    parts.append(text.finish());
    assertThat(parts.toString()).isEqualTo(whole.substring(0, whole.indexOf(stop)));
    assertThat(text.isStopped()).isTrue();
  }

  @Test
  void whatMayBeginAStopStringWaits() {
    int[] tokens = tokenizer.encode("12 = 34");
    GrowingText text = new GrowingText(tokenizer, List.of("2 = 35"));
    StringBuilder parts = new StringBuilder();
    for (int token : tokens) {
      text.add(token);
      parts.append(text.take()).append('|');
    }
    assertThat(parts.toString().replace("|", "")).isEqualTo("12 = 34");
    assertThat(parts.toString()).startsWith("1|");
  }
}
