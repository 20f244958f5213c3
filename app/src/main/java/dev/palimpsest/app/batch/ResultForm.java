package dev.palimpsest.app.batch;

import dev.palimpsest.api.Completion;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

  private static final Pattern OPEN_AI = Pattern.compile(OpenAiAnswer.PREFIX + "([0-9]{1,18})");
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
        row = named(json);
      }
      while (json.nextToken() != JsonToken.END_OBJECT) {
        json.skipChildren();
      }
      return json.nextToken() == null ? row : OptionalLong.empty();
    } catch (JacksonException e) {
      return OptionalLong.empty();
    }
  }

  /** The row that the first field names: its number, or the id of OpenAI's form. */
  private static OptionalLong named(JsonParser json) {
    boolean ours = ROW.equals(json.nextName());
    JsonToken value = json.nextToken();
    if (ours && value == JsonToken.VALUE_NUMBER_INT) {
      return OptionalLong.of(json.getLongValue());
    }
    Matcher id = OPEN_AI.matcher(value == JsonToken.VALUE_STRING ? json.getString() : "");
    return !ours && id.matches()
        ? OptionalLong.of(Long.parseLong(id.group(1)))
        : OptionalLong.empty();
  }
}
