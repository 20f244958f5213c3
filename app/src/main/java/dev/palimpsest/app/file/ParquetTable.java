package dev.palimpsest.app.file;

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
import java.util.function.IntFunction;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.duckdb.DuckDBDriver;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A Parquet file, of which a part at a time is in memory. */
public final class ParquetTable implements AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();

  private final Path file;
  private final Connection connection;
  private final List<String> columns;
  private Optional<ResultSet> rows = Optional.empty();

  private ParquetTable(Path file, Connection connection, List<String> columns) {
    this.file = file;
    this.connection = connection;
    this.columns = List.copyOf(columns);
  }

  /**
   * Opens a file.
   *
   * @throws CheckpointException if it cannot be read
   */
  public static ParquetTable open(Path file) {
    Properties streaming = new Properties();
    streaming.setProperty(DuckDBDriver.JDBC_STREAM_RESULTS, "true");
    try {
      Connection connection = DuckDb.open(streaming);
      List<String> names = new ArrayList<>();
      try (Statement statement = connection.createStatement();
          ResultSet columns = statement.executeQuery("DESCRIBE " + source(file))) {
        while (columns.next()) {
          names.add(columns.getString(1));
        }
      } catch (SQLException e) {
        connection.close();
        throw e;
      }
      return new ParquetTable(file, connection, names);
    } catch (SQLException e) {
      throw unreadable(file, e);
    }
  }

  private static String source(Path file) {
    return "FROM read_parquet(" + DuckDb.quoted(file) + ")";
  }

  /** How many rows a file has. */
  public static long count(Path file) {
    try (Connection connection = DuckDb.open();
        Statement statement = connection.createStatement();
        ResultSet count = statement.executeQuery("SELECT count(*) " + source(file))) {
      return count.next() ? count.getLong(1) : 0;
    } catch (SQLException e) {
      throw unreadable(file, e);
    }
  }

  private static CheckpointException unreadable(Path file, SQLException e) {
    return new CheckpointException(file + ": it cannot be read: " + e.getMessage(), e);
  }

  /** The names of its columns. */
  public List<String> columns() {
    return columns;
  }

  /** Begins to read rows, of them the columns that are wanted: at least one. */
  public void select(Predicate<String> wanted) {
    // Each row as JSON, whatever the types of its columns.
    String fields =
        IntStream.range(0, columns.size())
            .filter(index -> wanted.test(columns.get(index)))
            .mapToObj(
                index -> "c%d := \"%s\"".formatted(index, columns.get(index).replace("\"", "\"\"")))
            .collect(Collectors.joining(", "));
    try {
      rows =
          Optional.of(
              connection
                  .createStatement()
                  .executeQuery(
                      "SELECT to_json(struct_pack(%s))::VARCHAR ".formatted(fields)
                          + source(file)));
    } catch (SQLException e) {
      throw unreadable(file, e);
    }
  }

  /** The cells of the next row by the index of their column; empty behind the last. */
  public Optional<IntFunction<JsonNode>> next() {
    try {
      ResultSet selected = rows.orElseThrow();
      if (!selected.next()) {
        return Optional.empty();
      }
      JsonNode cells = JSON.readTree(selected.getString(1));
      return Optional.of(index -> cells.path("c" + index));
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
