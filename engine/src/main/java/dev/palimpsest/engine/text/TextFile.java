package dev.palimpsest.engine.text;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Text as people save it: UTF-8, or what its byte order mark says, without that mark. */
public final class TextFile {
  private static final char MARK = '\uFEFF';

  private TextFile() {}

  /**
   * Reads a file.
   *
   * @throws IOException if it cannot be read or is neither UTF-8 nor marked as UTF-16
   */
  public static String read(Path file) throws IOException {
    return decode(Files.readAllBytes(file), file.toString());
  }

  /**
   * The text that bytes spell.
   *
   * @param source where they come from, for the message
   * @throws IOException if they are neither UTF-8 nor marked as UTF-16
   */
  public static String decode(byte[] bytes, String source) throws IOException {
    Charset charset = charset(bytes);
    CharsetDecoder decoder = charset.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(in, out, true);
    out.flip();
    if (result.isError()) {
      throw new IOException(
          "%s: line %d is not %s (byte 0x%02x); save it as UTF-8."
              .formatted(
                  source,
                  out.chars().filter(c -> c == '\n').count() + 1,
                  charset,
                  in.get(in.position())));
    }
    return out.isEmpty() || out.get(0) != MARK ? out.toString() : out.position(1).toString();
  }

  private static Charset charset(byte[] bytes) {
    int first = bytes.length < 2 ? 0 : ((bytes[0] & 0xff) << 8) | (bytes[1] & 0xff);
    return switch (first) {
      case 0xfeff -> StandardCharsets.UTF_16BE;
      case 0xfffe -> StandardCharsets.UTF_16LE;
      default -> StandardCharsets.UTF_8;
    };
  }
}
