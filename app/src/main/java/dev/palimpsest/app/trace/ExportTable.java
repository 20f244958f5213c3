package dev.palimpsest.app.trace;

import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Locale;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** A DuckDB table in memory that becomes a Parquet or a CSV file. */
final class ExportTable implements AutoCloseable {
  private static final String PARQUET = ".parquet";
  private static final String CSV = ".csv";

  private final DuckDBConnection connection;
  private final DuckDBAppender appender;

  private ExportTable(DuckDBConnection connection, DuckDBAppender appender) {
    this.connection = connection;
    this.appender = appender;
  }

  /**
   * An empty table.
   *
   * @param columns names and types, in SQL
   */
  static ExportTable of(String columns) throws SQLException {
    DuckDBConnection connection = DuckDb.open();
    try {
      try (Statement statement = connection.createStatement()) {
        statement.execute("CREATE TABLE rows (" + columns + ")");
      }
      return new ExportTable(
          connection, connection.createAppender(DuckDBConnection.DEFAULT_SCHEMA, "rows"));
    } catch (SQLException | RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  /**
   * Refuses a file whose name says no kind that can be written.
   *
   * @throws ParameterException if it does not
   */
  static void requireKind(CommandSpec spec, String option, Path target) {
    if (!hasEnd(target, PARQUET) && !hasEnd(target, CSV)) {
      throw new ParameterException(
          spec.commandLine(), option + " " + target + " has an unknown kind: use .parquet or .csv");
    }
  }

  private static boolean hasEnd(Path target, String end) {
    return target.toString().toLowerCase(Locale.ROOT).endsWith(end);
  }

  /** Takes the rows. */
  DuckDBAppender rows() {
    return appender;
  }

  /** Writes all rows to a file, whole or not at all; a cell without a value is empty. */
  void write(Path target) throws IOException {
    String format =
        hasEnd(target, PARQUET) ? "FORMAT parquet, COMPRESSION zstd" : "FORMAT csv, HEADER";
    Replacement.write(
        target,
        file -> {
          try (Statement statement = connection.createStatement()) {
            appender.close();
            statement.execute("COPY rows TO %s (%s)".formatted(DuckDb.quoted(file), format));
          } catch (SQLException e) {
            String why = String.valueOf(e.getMessage()).replace(file.toString(), target.toString());
            throw new TraceException(target + ": the table cannot be written: " + why, e);
          }
        });
  }

  @Override
  public void close() throws SQLException {
    try {
      appender.close();
    } finally {
      connection.close();
    }
  }
}
