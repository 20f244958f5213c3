package dev.palimpsest.engine.checkpoint;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of files that are not what their names say. Bytes are written as Latin-1. */
final class FileKindTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "version https://git-lfs.github.com/spec/v1\\noid sha256:4d7a\\nsize 988097824\\n|Git LFS pointer to 988097824 bytes",
        "GGUF\\3\\0\\0\\0\\x23\\1\\0\\0\\0\\0\\0\\0|is GGUF",
        "PK\\3\\4\\0\\0\\b\\b\\0\\0model/data.pkl|PyTorch pickle (a ZIP archive",
        "PK\\3\\4\\0\\0\\b\\b\\0\\0readme.txt|is a ZIP archive",
        "\\x80\\2\\x8a\\nl\\xfc\\x9cF\\xf9 j\\xa8P\\x19.|Python pickle",
        "\\x89HDF\\r\\n\\x1a\\n\\0\\0|HDF5",
        "\\x93NUMPY\\1\\0v\\0{'descr'|NumPy",
        "\\x1f\\x8b\\b\\0\\0\\0\\0\\0\\0\\0|packed with gzip",
        "(\\xb5/\\xfd\\4\\x58|packed with zstd",
        "\\n<!DOCTYPE html>\\n<html>|HTML page",
        "<HTML><head>|HTML page",
        "<?xml version=\\\"1.0\\\"?><Error><Code>AccessDenied</Code>|XML document that begins \"<?xml",
        "Entry not found|text that begins \"Entry not found\"",
        "{\\\"error\\\":\\\"Repository not found\\\"}|text that begins \"{",
        "\\xef\\xbb\\xbf\\xc3\\xa9t\\xc3\\xa9 404|text that begins \"été 404\"",
        "   \\n\\n|nothing but white space",
        "|the file is empty",
      })
  void whatAFileIsInsteadOfWeightsIsSaid(String escaped, String kind) {
    String latin = unescaped(escaped == null ? "" : escaped);
    SafetensorsBytes.write(
        folder, "model.safetensors", latin.getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> Safetensors.open(folder.resolve("model.safetensors")).close())
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("model.safetensors: the file ", kind);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "version https://git-lfs.github.com/spec/v1|Git LFS pointer",
        "<!doctype html>|HTML page",
        "Not Found|text that begins \"Not Found\"",
      })
  void whatAFileIsInsteadOfJsonIsSaid(String text, String kind) {
    SafetensorsBytes.write(folder, "config.json", text);
    assertThatThrownBy(() -> JsonFile.readObject(folder.resolve("config.json")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContainingAll("config.json: the file is ", kind, "JSON is needed");
  }

  private static String unescaped(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char kind = text.charAt(++i);
      switch (kind) {
        case 'x' -> {
          out.append((char) Integer.parseInt(text, i + 1, i + 3, 16));
          i += 2;
        }
        case 'n' -> out.append('\n');
        case 'r' -> out.append('\r');
        case 'b' -> out.append('\b');
        case '"' -> out.append('"');
        default -> out.append((char) (kind - '0'));
      }
    }
    return out.toString();
  }
}
