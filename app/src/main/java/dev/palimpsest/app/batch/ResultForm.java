package dev.palimpsest.app.batch;

import dev.palimpsest.api.Completion;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/**
 * How a result is written: a JSON object on a line.
 *
 * @param order says whether the row's number comes first
 * @param timings whether the result says how long it took
 */
record ResultForm(Order order, boolean timings) {
  static final String ROW = "row";

  private static final JsonFactory JSON = new JsonFactory();

  /** A line with its line end. */
  byte[] line(long row, Completion completion) {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), line)) {
      json.writeStartObject();
      if (order == Order.DONE) {
        json.writeNumberProperty(ROW, row);
      }
      for (Map.Entry<String, @Nullable Object> column : completion.columns(timings).entrySet()) {
        json.writeName(column.getKey());
        write(json, column.getValue());
      }
      json.writeEndObject();
    }
    line.write('\n');
    return line.toByteArray();
  }

  private static void write(JsonGenerator json, @Nullable Object value) {
    switch (value) {
      case null -> json.writeNull();
      case String text -> json.writeString(text);
      case Integer number -> json.writeNumber(number);
      case Long number -> json.writeNumber(number);
      case Double number -> json.writeNumber(number);
      case List<?> list -> {
        json.writeStartArray();
        list.forEach(each -> write(json, each));
        json.writeEndArray();
      }
      default -> throw new IllegalStateException("a result holds " + value.getClass());
    }
  }

  /**
   * The row that a line is of.
   *
   * @param otherwise its row if results have the order of the rows
   * @return empty if the line is no whole result
   */
  OptionalLong row(byte[] line, long otherwise) {
    try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), line)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        return OptionalLong.empty();
      }
      OptionalLong row = OptionalLong.of(otherwise);
      if (order == Order.DONE) {
        boolean named = ROW.equals(json.nextName());
        row =
            named && json.nextToken() == JsonToken.VALUE_NUMBER_INT
                ? OptionalLong.of(json.getLongValue())
                : OptionalLong.empty();
      }
      while (json.nextToken() != JsonToken.END_OBJECT) {
        json.skipChildren();
      }
      return json.nextToken() == null ? row : OptionalLong.empty();
    } catch (JacksonException e) {
      return OptionalLong.empty();
    }
  }
}
