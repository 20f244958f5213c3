package dev.palimpsest.app.batch;

import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.duckdb.DuckDBDriver;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A Parquet table, of which a part at a time is in memory. */
final class ParquetRows implements Rows {
  private static final JsonMapper JSON = new JsonMapper();

  private final Path file;
  private final Connection connection;
  private final ResultSet results;
  private final TableForm form;
  private long rows;

  private ParquetRows(Path file, Connection connection, ResultSet results, TableForm form) {
    this.file = file;
    this.connection = connection;
    this.results = results;
    this.form = form;
  }

  static ParquetRows open(Path file, RowForm form) throws IOException {
    Properties streaming = new Properties();
    streaming.setProperty(DuckDBDriver.JDBC_STREAM_RESULTS, "true");
    try {
      Connection connection = DuckDb.open(streaming);
      try {
        String source = "FROM read_parquet(" + DuckDb.quoted(file) + ")";
        List<String> names = new ArrayList<>();
        try (Statement statement = connection.createStatement();
            ResultSet columns = statement.executeQuery("DESCRIBE " + source)) {
          while (columns.next()) {
            names.add(columns.getString(1));
          }
        }
        TableForm table = TableForm.of(file, form, names);
        // Each row as JSON, whatever the types of its columns.
        String fields =
            IntStream.range(0, names.size())
                .filter(index -> table.isRead(names.get(index)))
                .mapToObj(
                    index ->
                        "c%d := \"%s\"".formatted(index, names.get(index).replace("\"", "\"\"")))
                .collect(Collectors.joining(", "));
        ResultSet results =
            connection
                .createStatement()
                .executeQuery(
                    "SELECT to_json(struct_pack(%s))::VARCHAR ".formatted(fields) + source);
        return new ParquetRows(file, connection, results, table);
      } catch (SQLException | RuntimeException e) {
        connection.close();
        throw e;
      }
    } catch (SQLException e) {
      throw unreadable(file, e);
    }
  }

  /** How many rows a file has. */
  static long count(Path file) {
    try (Connection connection = DuckDb.open();
        Statement statement = connection.createStatement();
        ResultSet count =
            statement.executeQuery(
                "SELECT count(*) FROM read_parquet(" + DuckDb.quoted(file) + ")")) {
      return count.next() ? count.getLong(1) : 0;
    } catch (SQLException e) {
      throw unreadable(file, e);
    }
  }

  private static CheckpointException unreadable(Path file, SQLException e) {
    return new CheckpointException(file + ": it cannot be read: " + e.getMessage(), e);
  }

  @Override
  public Optional<Row> next() {
    try {
      if (!results.next()) {
        return Optional.empty();
      }
      JsonNode cells = JSON.readTree(results.getString(1));
      return Optional.of(form.read(rows++, index -> cells.path("c" + index)));
    } catch (SQLException e) {
      throw unreadable(file, e);
    }
  }

  @Override
  public void close() throws IOException {
    try {
      connection.close();
    } catch (SQLException e) {
      throw new IOException(file + ": it cannot be closed: " + e.getMessage(), e);
    }
  }
}
