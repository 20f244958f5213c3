package dev.palimpsest.app.batch;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;

/** A table of comma-separated values in UTF-8 whose first line names its columns. */
final class CsvRows implements Rows {
  private static final String BYTE_ORDER_MARK = "\uFEFF";
  private static final JsonMapper JSON = new JsonMapper();

  private final Path file;
  private final CSVParser parser;
  private final Iterator<CSVRecord> records;
  private final TableForm form;
  private long rows;

  private CsvRows(Path file, CSVParser parser, Iterator<CSVRecord> records, TableForm form) {
    this.file = file;
    this.parser = parser;
    this.records = records;
    this.form = form;
  }

  static CsvRows open(Path file, RowForm form) throws IOException {
    // Read byte by byte and decoded cell by cell: a cell that is not UTF-8 is the row's error.
    CSVParser parser =
        CSVFormat.DEFAULT
            .builder()
            .setIgnoreEmptyLines(true)
            .get()
            .parse(
                new InputStreamReader(
                    new BufferedInputStream(Files.newInputStream(file)),
                    StandardCharsets.ISO_8859_1));
    try {
      Iterator<CSVRecord> records = parser.iterator();
      if (!records.hasNext()) {
        throw new CheckpointException(file + ": it is empty: its first line names its columns.");
      }
      List<String> columns = new ArrayList<>();
      for (String column : records.next()) {
        String name = decoded(column);
        columns.add(
            columns.isEmpty() && name.startsWith(BYTE_ORDER_MARK) ? name.substring(1) : name);
      }
      return new CsvRows(file, parser, records, TableForm.of(file, form, columns));
    } catch (UncheckedIOException e) {
      parser.close();
      throw broken(file, 1, e);
    } catch (CharacterCodingException e) {
      parser.close();
      throw new CheckpointException(file + ": the names of its columns are not UTF-8.", e);
    } catch (RuntimeException e) {
      parser.close();
      throw e;
    }
  }

  @Override
  public Optional<Row> next() {
    try {
      return records.hasNext() ? Optional.of(row(records.next())) : Optional.empty();
    } catch (UncheckedIOException e) {
      throw broken(file, parser.getCurrentLineNumber(), e);
    }
  }

  private static CheckpointException broken(Path file, long line, UncheckedIOException e) {
    return new CheckpointException(
        "%s: line %d is not CSV: %s".formatted(file, line, e.getMessage()), e);
  }

  private Row row(CSVRecord record) {
    long number = rows++;
    String id = String.valueOf(number + 1);
    if (record.size() != form.columns().size()) {
      return new Row.Bad(
          number,
          id,
          "the row has %d cells, and there are %d columns"
              .formatted(record.size(), form.columns().size()));
    }
    List<JsonNode> cells = new ArrayList<>();
    for (int index = 0; index < record.size(); index++) {
      try {
        cells.add(cell(form.columns().get(index), decoded(record.get(index))));
      } catch (CharacterCodingException e) {
        return new Row.Bad(number, id, form.columns().get(index) + " is not UTF-8");
      }
    }
    return form.read(number, cells::get);
  }

  private static String decoded(String bytes) throws CharacterCodingException {
    return StandardCharsets.UTF_8
        .newDecoder()
        .decode(ByteBuffer.wrap(bytes.getBytes(StandardCharsets.ISO_8859_1)))
        .toString();
  }

  /** An option that looks like a number or a truth value is one. */
  private static JsonNode cell(String column, String text) {
    if (text.isEmpty()) {
      return JsonNodeFactory.instance.nullNode();
    }
    return TableForm.isOption(column)
        ? JSON.valueToTree(SamplingOptions.value(text))
        : JsonNodeFactory.instance.stringNode(text);
  }

  @Override
  public void close() throws IOException {
    parser.close();
  }
}
