package dev.palimpsest.engine.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TextFileTest {
  private static final String TEXT = "é😀\nb\r\n";

  @TempDir Path folder;

  private String read(byte[] bytes) throws IOException {
    return TextFile.read(Files.write(folder.resolve("text"), bytes));
  }

  @Test
  void aTextIsUtf8OrWhatItsMarkSays() throws IOException {
    assertThat(read(TEXT.getBytes(StandardCharsets.UTF_8))).isEqualTo(TEXT);
    assertThat(read(("\uFEFF" + TEXT).getBytes(StandardCharsets.UTF_8))).isEqualTo(TEXT);
    assertThat(read(("\uFEFF" + TEXT).getBytes(StandardCharsets.UTF_16LE))).isEqualTo(TEXT);
    assertThat(read(("\uFEFF" + TEXT).getBytes(StandardCharsets.UTF_16BE))).isEqualTo(TEXT);
    assertThat(read(new byte[0])).isEmpty();
  }

  @Test
  void anotherEncodingIsNamedWithItsLine() {
    assertThatThrownBy(() -> read("a\nb\ncaf\u00e9 x".getBytes(StandardCharsets.ISO_8859_1)))
        .isInstanceOf(IOException.class)
        .hasMessage(
            folder.resolve("text") + ": line 3 is not UTF-8 (byte 0xe9); save it as UTF-8.");
    assertThatThrownBy(() -> read(new byte[] {'a', (byte) 0xc3}))
        .hasMessageContaining("line 1 is not UTF-8");
  }
}
