package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.JsonLines;
import dev.palimpsest.app.file.ParquetTable;
import dev.palimpsest.app.file.Sha256;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Where rows come from.
 *
 * @param file empty for standard input
 */
record Input(Optional<Path> file) {
  private static final String STANDARD_INPUT = "-";

  /**
   * The input of a name.
   *
   * @throws CheckpointException if there is no such file
   */
  static Input of(String name) {
    if (name.equals(STANDARD_INPUT)) {
      return new Input(Optional.empty());
    }
    Path file = Path.of(name);
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw new CheckpointException(file + ": there is no such file of rows that can be read.");
    }
    return new Input(Optional.of(file));
  }

  /** Whether a file's name says how its rows are written. */
  static boolean isKnown(String name) {
    String end = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    return switch (end) {
      case "jsonl", "ndjson", "csv", "parquet" -> true;
      default -> name.equals(STANDARD_INPUT);
    };
  }

  /** Opens the rows. */
  Rows open(RowForm form) throws IOException {
    if (file.isEmpty()) {
      return new JsonRows(System.in, form);
    }
    String name = file.get().toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".parquet")) {
      return ParquetRows.open(file.get(), form);
    }
    return name.endsWith(".csv")
        ? CsvRows.open(file.get(), form)
        : new JsonRows(Files.newInputStream(file.get()), form);
  }

  /** What tells it from others. */
  String identity() throws IOException {
    return file.isPresent() ? Sha256.of(file.get()) : "standard input";
  }

  /** About how many rows it has, for a progress bar; -1 if only reading them would tell. */
  long rows() throws IOException {
    if (file.isEmpty() || file.get().toString().toLowerCase(Locale.ROOT).endsWith(".csv")) {
      return -1;
    }
    if (file.get().toString().toLowerCase(Locale.ROOT).endsWith(".parquet")) {
      return ParquetTable.count(file.get());
    }
    return JsonLines.count(file.get());
  }
}
