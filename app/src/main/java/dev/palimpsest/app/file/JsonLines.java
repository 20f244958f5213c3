package dev.palimpsest.app.file;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** JSON values, one a line, read one by one; lines of white space alone are passed over. */
public final class JsonLines implements AutoCloseable {
  /** Bytes of the longest line that is read. */
  private static final int LONGEST = 1 << 24;

  private static final int CHUNK = 1 << 16;
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private final InputStream in;
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long lines;

  /** Lines of a stream, which is closed with this. */
  public JsonLines(InputStream in) {
    this.in = new BufferedInputStream(in, CHUNK);
  }

  /** About how many a file has, for a progress bar. */
  public static long count(Path file) throws IOException {
    long lines = 0;
    byte[] buffer = new byte[1 << 20];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        for (int index = 0; index < read; index++) {
          lines += buffer[index] == '\n' ? 1 : 0;
        }
      }
    }
    return lines;
  }

  /** A line that holds something. */
  public sealed interface Line {
    /** Its number, from 1. */
    long number();

    /** What it holds. */
    record Value(long number, JsonNode value) implements Line {}

    /**
     * It holds no JSON, or too much.
     *
     * @param why in a sentence
     */
    record Broken(long number, String why) implements Line {}
  }

  /** The next line; empty behind the last. */
  public Optional<Line> next() throws IOException {
    while (true) {
      bytes.reset();
      lines++;
      long length = readLine();
      if (length < 0) {
        return Optional.empty();
      }
      byte[] line = bytes.toByteArray();
      if (!isBlank(line)) {
        return Optional.of(line(length, line));
      }
    }
  }

  /** Whether something can be read at once. */
  public boolean isReady() throws IOException {
    return in.available() > 0;
  }

  private Line line(long length, byte[] line) {
    if (length > LONGEST) {
      return new Line.Broken(
          lines, "the line has %,d bytes: use up to %,d".formatted(length, LONGEST));
    }
    try {
      return new Line.Value(lines, JSON.readTree(line));
    } catch (JacksonException e) {
      return new Line.Broken(lines, "the line is not JSON: " + e.getOriginalMessage());
    }
  }

  /** The bytes of a line, of which the first are kept; -1 behind the last. */
  private long readLine() throws IOException {
    int each = in.read();
    if (each < 0) {
      return -1;
    }
    long length = 0;
    while (each >= 0 && each != '\n') {
      if (length++ < LONGEST) {
        bytes.write(each);
      }
      each = in.read();
    }
    return length;
  }

  private static boolean isBlank(byte[] line) {
    for (byte each : line) {
      if (each != ' ' && each != '\t' && each != '\r') {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
