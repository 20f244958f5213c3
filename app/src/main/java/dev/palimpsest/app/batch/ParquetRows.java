package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.ParquetTable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** The rows of a Parquet file. */
final class ParquetRows implements Rows {
  private final ParquetTable table;
  private final TableForm form;
  private long rows;

  private ParquetRows(ParquetTable table, TableForm form) {
    this.table = table;
    this.form = form;
  }

  static ParquetRows open(Path file, RowForm form) throws IOException {
    ParquetTable table = ParquetTable.open(file);
    try {
      TableForm columns = TableForm.of(file, form, table.columns());
      table.select(columns::isRead);
      return new ParquetRows(table, columns);
    } catch (RuntimeException e) {
      table.close();
      throw e;
    }
  }

  @Override
  public Optional<Row> next() {
    return table.next().map(cells -> form.read(rows++, cells));
  }

  @Override
  public void close() throws IOException {
    table.close();
  }
}
