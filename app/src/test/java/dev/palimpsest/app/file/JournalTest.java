package dev.palimpsest.app.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Finished work in a file. */
final class JournalTest {
  private static final Map<String, Object> FACTS =
      Map.of("command", "test", "options", Map.of("seed", 1), "date", "today");
  private static final List<String> INCIDENTAL = List.of("date");

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("journal.jsonl");
  }

  @Test
  void whereverAProcessIsKilledTheWholeLinesAreKept() throws IOException {
    try (Journal journal = Journal.open(file, FACTS, INCIDENTAL)) {
      journal.add(Map.of("text", "Ω"));
      journal.add(Map.of("text", "二"));
    }
    byte[] whole = Files.readAllBytes(file);
    for (int length = 0; length <= whole.length; length++) {
      Path cut = folder.resolve("cut.jsonl");
      Files.write(cut, Arrays.copyOf(whole, length));
      int lines = 0;
      for (int index = 0; index < length; index++) {
        lines += whole[index] == '\n' ? 1 : 0;
      }
      try (Journal journal = Journal.open(cut, FACTS, INCIDENTAL)) {
        assertThat(journal.entries()).hasSize(Math.max(0, lines - 1));
        for (int line = journal.entries().size(); line < 2; line++) {
          journal.add(Map.of("text", line == 0 ? "Ω" : "二"));
        }
      }
      assertThat(cut).hasBinaryContent(whole);
    }
  }

  @Test
  void aLastLineThatIsDamagedIsDroppedAndAnEarlierOneRefused() throws IOException {
    Journal.open(file, FACTS, INCIDENTAL).close();
    String head = Files.readString(file);
    Files.writeString(file, head + "{\"a\":1}\n{\"b\n");
    try (Journal journal = Journal.open(file, FACTS, INCIDENTAL)) {
      assertThat(journal.entries()).hasSize(1);
    }
    assertThat(file).hasContent(head + "{\"a\":1}\n");
    String damaged = head + "{\"b\n{\"a\":1}\n";
    Files.writeString(file, damaged);
    assertThatThrownBy(() -> Journal.open(file, FACTS, INCIDENTAL))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("journal.jsonl: line 2 is not what this command writes");
    assertThat(file).hasContent(damaged);
  }

  @Test
  void otherFactsAreRefusedByTheFirstThatDiffersUnlessNothingDependsOnThem() throws IOException {
    Journal.open(file, FACTS, INCIDENTAL).close();
    Journal.open(
            file,
            Map.of("command", "test", "options", Map.of("seed", 1), "date", "tomorrow"),
            INCIDENTAL)
        .close();
    assertThatThrownBy(
            () ->
                Journal.open(
                    file,
                    Map.of("command", "test", "options", Map.of("seed", 2), "date", "today"),
                    INCIDENTAL))
        .hasMessage(file + ": it holds results for seed 1, and now it is 2: use another name.");
  }

  @ParameterizedTest
  @ValueSource(strings = {"words", "words\n", "{\"prompt\": \"a\", \"answer\": \"b\"}\n", "[]\n"})
  void whatIsNoJournalIsLeftAlone(String content) throws IOException {
    Files.writeString(file, content);
    assertThatThrownBy(() -> Journal.open(file, FACTS, INCIDENTAL))
        .hasMessageContaining("line 1 is not what this command writes: use another name");
    assertThat(file).hasContent(content);
  }

  @Test
  void twoCannotHaveIt() throws IOException {
    try (Journal _ = Journal.open(file, FACTS, INCIDENTAL)) {
      assertThatThrownBy(() -> Journal.open(file, FACTS, INCIDENTAL))
          .hasMessageContaining("another process is writing it");
    }
    Journal.open(file, FACTS, INCIDENTAL).close();
  }
}
