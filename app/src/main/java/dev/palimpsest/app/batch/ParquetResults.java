package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.app.file.Replacement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A Parquet file of results.
 *
 * @param lines the file with the results, a JSON object a line; deleted when the other is written
 * @param out the Parquet file
 * @param form says which columns there are
 */
record ParquetResults(Path lines, Path out, ResultForm form) {
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
    DuckDb.writeParquet(lines, columns, file, out);
  }
}
