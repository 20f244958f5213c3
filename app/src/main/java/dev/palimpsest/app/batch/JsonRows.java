package dev.palimpsest.app.batch;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A JSON object a line, of the own form or, if it has a {@code custom_id}, of OpenAI's; lines of
 * white space alone are no rows.
 */
final class JsonRows implements Rows {
  /** Bytes of the longest line that is read. */
  private static final int LONGEST = 1 << 24;

  private static final String CUSTOM_ID = "custom_id";
  private static final int CHUNK = 1 << 16;
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private final InputStream in;
  private final RowForm form;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();
  private long lines;
  private long rows;

  JsonRows(InputStream in, RowForm form) {
    this.in = new BufferedInputStream(in, CHUNK);
    this.form = form;
  }

  @Override
  public Optional<Row> next() throws IOException {
    while (true) {
      line.reset();
      lines++;
      long length = readLine();
      if (length < 0) {
        return Optional.empty();
      }
      byte[] bytes = line.toByteArray();
      if (!isBlank(bytes)) {
        return Optional.of(row(length, bytes));
      }
    }
  }

  private Row row(long length, byte[] bytes) {
    String id = String.valueOf(lines);
    long number = rows++;
    if (length > LONGEST) {
      return new Row.Bad(
          number, id, "the line has %,d bytes: use up to %,d".formatted(length, LONGEST));
    }
    try {
      JsonNode row = JSON.readTree(bytes);
      return row.path(CUSTOM_ID).isString()
          ? new Row.OpenAi(number, row.path(CUSTOM_ID).stringValue(), row)
          : form.read(number, id, row);
    } catch (JacksonException e) {
      return new Row.Bad(number, id, "the line is not JSON: " + e.getOriginalMessage());
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
        line.write(each);
      }
      each = in.read();
    }
    return length;
  }

  private static boolean isBlank(byte[] bytes) {
    for (byte each : bytes) {
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
