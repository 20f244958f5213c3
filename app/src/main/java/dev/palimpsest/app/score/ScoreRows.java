package dev.palimpsest.app.score;

import dev.palimpsest.app.file.JsonLines;
import dev.palimpsest.app.file.ParquetTable;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.MissingNode;

/** The rows of an input, read one by one. */
sealed interface ScoreRows extends AutoCloseable {
  /** The name of standard input. */
  String STANDARD_INPUT = "-";

  /** Whether a name says how the rows are written; a pipe's need not. */
  static boolean isKnown(String name) {
    String end = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    return List.of(STANDARD_INPUT, "jsonl", "ndjson", "parquet").contains(end) || isPipe(name);
  }

  private static boolean isPipe(String name) {
    Path file = Path.of(name);
    return Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file);
  }

  private static boolean isParquet(String name) {
    return name.toLowerCase(Locale.ROOT).endsWith(".parquet");
  }

  /**
   * Opens an input.
   *
   * @throws CheckpointException if there is none, or it is a table without the columns
   */
  static ScoreRows open(String name, ScoreForm form) throws IOException {
    if (name.equals(STANDARD_INPUT)) {
      return new Lines(System.in, form);
    }
    requireReadable(name);
    return isParquet(name)
        ? Table.open(Path.of(name), form)
        : new Lines(new FileInputStream(name), form);
  }

  /**
   * Checks that there is such an input.
   *
   * @throws CheckpointException if there is none
   */
  static void requireReadable(String name) {
    Path file = Path.of(name);
    if (!name.equals(STANDARD_INPUT) && (!Files.isReadable(file) || Files.isDirectory(file))) {
      throw new CheckpointException(file + ": there is no such file of rows that can be read.");
    }
  }

  /** About how many rows there are, for a progress bar; 0 if only reading them would tell. */
  static long count(String name) throws IOException {
    if (name.equals(STANDARD_INPUT) || isPipe(name)) {
      return 0;
    }
    return isParquet(name) ? ParquetTable.count(Path.of(name)) : JsonLines.count(Path.of(name));
  }

  /** The next row; empty behind the last. */
  Optional<ScoreRow> next() throws IOException;

  /** Whether a row, or the end, is likely to come without delay. */
  boolean isReady() throws IOException;

  @Override
  void close() throws IOException;

  /** JSON objects, one a line. */
  final class Lines implements ScoreRows {
    private final JsonLines lines;
    private final ScoreForm form;

    Lines(InputStream in, ScoreForm form) {
      lines = new JsonLines(in);
      this.form = form;
    }

    @Override
    public Optional<ScoreRow> next() throws IOException {
      return lines.next().map(this::row);
    }

    private ScoreRow row(JsonLines.Line line) {
      String number = String.valueOf(line.number());
      return switch (line) {
        case JsonLines.Line.Broken(long _, String why) -> new ScoreRow.Bad(number, why);
        case JsonLines.Line.Value(long _, JsonNode value) ->
            value.isObject()
                ? form.read(number, value::path)
                : new ScoreRow.Bad(number, "the row is no JSON object");
      };
    }

    @Override
    public boolean isReady() throws IOException {
      return lines.isReady();
    }

    @Override
    public void close() throws IOException {
      lines.close();
    }
  }

  /** A Parquet table. */
  final class Table implements ScoreRows {
    private final ParquetTable table;
    private final ScoreForm form;
    private long rows;

    private Table(ParquetTable table, ScoreForm form) {
      this.table = table;
      this.form = form;
    }

    private static Table open(Path file, ScoreForm form) throws IOException {
      ParquetTable table = ParquetTable.open(file);
      try {
        List<String> completions = List.of(ScoreForm.COMPLETION, ScoreForm.COMPLETION_IDS);
        if (table.columns().stream().noneMatch(completions::contains)) {
          throw new CheckpointException(
              "%s: it has the columns %s, and none is %s."
                  .formatted(
                      file, String.join(", ", table.columns()), String.join(" or ", completions)));
        }
        table.select(ScoreForm.FIELDS::contains);
        return new Table(table, form);
      } catch (RuntimeException e) {
        table.close();
        throw e;
      }
    }

    @Override
    public Optional<ScoreRow> next() {
      return table
          .next()
          .map(
              cells ->
                  form.read(
                      String.valueOf(++rows),
                      name -> {
                        int index = table.columns().indexOf(name);
                        return index < 0 ? MissingNode.getInstance() : cells.apply(index);
                      }));
    }

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void close() throws IOException {
      table.close();
    }
  }
}
