package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.JsonLines;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** A JSON object a line, of the own form or, if it has a {@code custom_id}, of OpenAI's. */
final class JsonRows implements Rows {
  private static final String CUSTOM_ID = "custom_id";

  private final JsonLines lines;
  private final RowForm form;
  private long rows;

  JsonRows(InputStream in, RowForm form) {
    lines = new JsonLines(in);
    this.form = form;
  }

  @Override
  public Optional<Row> next() throws IOException {
    return lines.next().map(line -> row(rows++, line));
  }

  private Row row(long number, JsonLines.Line line) {
    String id = String.valueOf(line.number());
    return switch (line) {
      case JsonLines.Line.Broken(long _, String why) -> new Row.Bad(number, id, why);
      case JsonLines.Line.Value(long _, JsonNode value) ->
          value.path(CUSTOM_ID).isString()
              ? new Row.OpenAi(number, value.path(CUSTOM_ID).stringValue(), value)
              : form.read(number, id, value);
    };
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
