package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.LineFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Results that are there before those of earlier rows, in memory and, if there is a file, in it
 * too. Both are bounded: once there are many, no more rows should begin until the last of these has
 * found its place.
 */
final class Ahead {
  private static final long MANY_BYTES = 1L << 24;
  private static final String ROW = "row";
  private static final String RESULT = "result";
  private static final JsonMapper JSON = new JsonMapper();

  private final Optional<LineFile> file;
  private final long empty;
  private final Map<Long, byte[]> results = new HashMap<>();
  private long bytes;
  private boolean full;

  /**
   * None yet.
   *
   * @param empty bytes of the file that stay when there are none
   */
  Ahead(Optional<LineFile> file, long empty) {
    this.file = file;
    this.empty = empty;
  }

  /** Takes a line of the file as it was found; false if it is none that {@link #put} wrote. */
  boolean found(byte[] line, long written) {
    try {
      JsonNode json = JSON.readTree(line);
      if (!json.path(ROW).isIntegralNumber() || !json.path(RESULT).isObject()) {
        return false;
      }
      long row = json.path(ROW).longValue();
      byte[] begin = begin(row);
      int length = line.length - begin.length - 2; // the brace and the line end
      if (row >= written && length > 0) {
        byte[] result = new byte[length + 1];
        System.arraycopy(line, begin.length, result, 0, length);
        result[length] = '\n';
        keep(row, result);
      }
      return true;
    } catch (JacksonException e) {
      return false;
    }
  }

  /** Keeps a result until it is taken. */
  void put(long row, byte[] line) throws IOException {
    if (file.isPresent()) {
      byte[] begin = begin(row);
      byte[] whole = new byte[begin.length + line.length + 1];
      System.arraycopy(begin, 0, whole, 0, begin.length);
      System.arraycopy(line, 0, whole, begin.length, line.length);
      whole[whole.length - 2] = '}';
      whole[whole.length - 1] = '\n';
      file.get().add(whole);
    }
    keep(row, line);
  }

  private static byte[] begin(long row) {
    return ("{\"" + ROW + "\":" + row + ",\"" + RESULT + "\":").getBytes(StandardCharsets.UTF_8);
  }

  private void keep(long row, byte[] line) {
    results.put(row, line);
    bytes += line.length;
    full |= bytes > MANY_BYTES;
  }

  boolean has(long row) {
    return results.containsKey(row);
  }

  /** The result of a row, if there is one, which {@link #settled} forgets. */
  Optional<byte[]> of(long row) {
    return Optional.ofNullable(results.get(row));
  }

  /** A row's result is in its place. */
  void settled(long row) throws IOException {
    results.remove(row);
    if (results.isEmpty()) {
      bytes = 0;
      full = false;
      if (file.isPresent()) {
        file.get().cut(empty);
      }
    }
  }

  /** Whether no more rows should begin. */
  boolean isFull() {
    return full;
  }

  long size() {
    return results.size();
  }
}
