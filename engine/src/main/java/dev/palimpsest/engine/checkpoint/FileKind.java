package dev.palimpsest.engine.checkpoint;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The kind of a file that is not what its name says: an unfinished download, a page in its place,
 * or weights of another format. Told by its first bytes.
 */
final class FileKind {
  private static final int SNIFFED_BYTES = 1024;
  private static final int SHOWN = 60;
  private static final Pattern POINTER_SIZE = Pattern.compile("\\nsize (\\d+)");

  private FileKind() {}

  /**
   * What the file is, as the rest of a sentence that begins with its name; empty if nothing is
   * known by its beginning.
   */
  static Optional<String> of(Path file) throws IOException {
    byte[] start;
    try (InputStream in = Files.newInputStream(file)) {
      start = in.readNBytes(SNIFFED_BYTES);
    }
    if (start.length == 0) {
      return Optional.of("the file is empty: its download did not finish");
    }
    String bytes = new String(start, ISO_8859_1);
    return pointer(bytes).or(() -> binary(bytes)).or(() -> text(start));
  }

  private static Optional<String> pointer(String bytes) {
    if (!bytes.startsWith("version https://git-lfs.github.com/spec/")) {
      return Optional.empty();
    }
    Matcher size = POINTER_SIZE.matcher(bytes);
    return Optional.of(
        "the file is a Git LFS pointer%s, not the file itself: fetch that with 'git lfs pull'"
            .formatted(size.find() ? " to " + size.group(1) + " bytes" : ""));
  }

  private static Optional<String> binary(String bytes) {
    if (bytes.startsWith("GGUF")) {
      return Optional.of("the file is GGUF, of llama.cpp; " + needed());
    }
    if (bytes.startsWith("PK\u0003\u0004")) {
      return Optional.of(
          bytes.contains("data.pkl")
              ? "the file is a PyTorch pickle (a ZIP archive with data.pkl); " + needed()
              : "the file is a ZIP archive; " + needed());
    }
    if (bytes.length() > 1 && bytes.charAt(0) == 0x80 && bytes.charAt(1) <= 5) {
      return Optional.of("the file is a Python pickle, as older PyTorch writes; " + needed());
    }
    if (bytes.startsWith("\u0089HDF\r\n")) {
      return Optional.of("the file is HDF5, as Keras writes; " + needed());
    }
    if (bytes.startsWith("\u0093NUMPY")) {
      return Optional.of("the file is a NumPy array; " + needed());
    }
    if (bytes.startsWith("\u001f\u008b")) {
      return Optional.of("the file is packed with gzip: unpack it");
    }
    if (bytes.startsWith("(\u00b5/\u00fd")) {
      return Optional.of("the file is packed with zstd: unpack it");
    }
    return Optional.empty();
  }

  private static String needed() {
    return "weights in the safetensors format are needed";
  }

  private static Optional<String> text(byte[] start) {
    Optional<String> decoded = decoded(start);
    if (decoded.isEmpty()) {
      return Optional.empty();
    }
    String text = decoded.get().strip();
    String lower = text.toLowerCase(Locale.ROOT);
    if (lower.startsWith("<!doctype html") || lower.startsWith("<html")) {
      return Optional.of("the file is an HTML page, as a download that needs a login leaves");
    }
    if (lower.startsWith("<?xml")) {
      return Optional.of("the file is an XML document that begins " + beginning(text));
    }
    return Optional.of(
        text.isEmpty()
            ? "the file holds nothing but white space"
            : "the file is text that begins " + beginning(text));
  }

  /** The beginning of a text in UTF-8, without a mark of its byte order; empty if it is none. */
  private static Optional<String> decoded(byte[] start) {
    // A character may have been cut off at the end.
    for (int cut = 0; cut < Math.min(4, start.length); cut++) {
      try {
        String text =
            UTF_8.newDecoder().decode(ByteBuffer.wrap(start, 0, start.length - cut)).toString();
        boolean readable =
            text.codePoints().allMatch(each -> each >= ' ' || Character.isWhitespace(each));
        return readable ? Optional.of(text.replace("\ufeff", "")) : Optional.empty();
      } catch (CharacterCodingException e) {
        // With a byte less, perhaps.
      }
    }
    return Optional.empty();
  }

  private static String beginning(String text) {
    return CheckpointException.quoted(
        text.length() > SHOWN ? text.substring(0, SHOWN) + "…" : text);
  }
}
