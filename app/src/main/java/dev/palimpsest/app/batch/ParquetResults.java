package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.app.file.Replacement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A Parquet file of results.
 *
 * @param lines the file with the results, a JSON object a line; deleted when the other is written
 * @param out the Parquet file
 * @param form says which columns there are
 */
record ParquetResults(Path lines, Path out, ResultForm form) {
  private static final String BOUNDS = "SET memory_limit = '512MB'; SET threads = 2";

  /** Bytes; a thread takes twice as many. */
  private static final int LONGEST_LINE = 1 << 25;

  /** Writes it, whole or not at all. */
  void write() throws IOException {
    Replacement.write(out, this::copy);
    Files.delete(lines);
  }

  private void copy(Path file) throws IOException {
    String columns =
        (form.order() == Order.DONE ? "\"row\": 'BIGINT', " : "")
            + "id: 'VARCHAR', text: 'VARCHAR', tokens: 'INTEGER[]', finish_reason: 'VARCHAR',"
            + " nfe: 'INTEGER', tpf: 'DOUBLE', "
            + (form.timings() ? "first_snapshot_seconds: 'DOUBLE', seconds: 'DOUBLE', " : "")
            + "seed: 'BIGINT', error: 'VARCHAR'";
    try (Connection connection = DuckDb.open();
        Statement statement = connection.createStatement()) {
      statement.execute(BOUNDS);
      statement.execute(
          """
          COPY (
            FROM read_json(%s, format = 'newline_delimited', columns = {%s},
              maximum_object_size = %d))
          TO %s (FORMAT parquet, COMPRESSION zstd)
          """
              .formatted(DuckDb.quoted(lines), columns, LONGEST_LINE, DuckDb.quoted(file)));
    } catch (SQLException e) {
      String why = String.valueOf(e.getMessage()).replace(file.toString(), out.toString());
      throw new IOException(out + ": it cannot be written: " + why, e);
    }
  }
}
