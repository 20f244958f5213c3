package dev.palimpsest.app.file;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.unpack.LibraryCache;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.duckdb.DuckDBConnection;

/** DuckDB in memory, which reads and writes tables in files. */
public final class DuckDb {
  private static final String BOUNDS = "SET memory_limit = '512MB'; SET threads = 2";

  /** Bytes; a thread takes twice as many. */
  private static final int LONGEST_LINE = 1 << 25;

  private DuckDb() {}

  /** An empty database. Its library unpacks itself into a file in the temporary folder. */
  public static DuckDBConnection open() throws SQLException {
    return open(new Properties());
  }

  /** An empty database with properties of its driver. */
  public static DuckDBConnection open(Properties properties) throws SQLException {
    Path folder = Path.of(System.getProperty("java.io.tmpdir"));
    try {
      if (System.getProperty("os.name").equals("Linux")) {
        LibraryCache.requireRoom(
            folder,
            "/libduckdb_java.so_linux_"
                + System.getProperty("os.arch").replace("aarch64", "arm64"));
      }
      return DriverManager.getConnection("jdbc:duckdb:", properties).unwrap(DuckDBConnection.class);
    } catch (IOException | LinkageError e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new SQLException(
          "DuckDB's native library cannot be kept in the temporary folder (%s): set -Djava.io.tmpdir in PALIMPSEST_JVM_OPTS to another folder"
              .formatted(cause.getMessage()),
          e);
    }
  }

  /**
   * The rows of a Parquet file, each as a JSON object.
   *
   * @throws CheckpointException if it cannot be read
   */
  public static List<String> rows(Path file) {
    try (DuckDBConnection connection = open();
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT to_json(one)::VARCHAR FROM read_parquet(%s) one".formatted(quoted(file)))) {
      List<String> objects = new ArrayList<>();
      while (rows.next()) {
        objects.add(rows.getString(1));
      }
      return objects;
    } catch (SQLException e) {
      throw new CheckpointException(
          file + ": it cannot be read as Parquet: " + String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * Writes a Parquet file of JSON objects, one a line.
   *
   * @param columns of the file, as {@code id: 'VARCHAR', seed: 'BIGINT'}
   * @param named what the file is called in a message
   * @throws IOException if it cannot be written
   */
  public static void writeParquet(Path lines, String columns, Path file, Path named)
      throws IOException {
    try (Connection connection = open();
        Statement statement = connection.createStatement()) {
      statement.execute(BOUNDS);
      statement.execute(
          """
          COPY (
            FROM read_json(%s, format = 'newline_delimited', columns = {%s},
              maximum_object_size = %d))
          TO %s (FORMAT parquet, COMPRESSION zstd)
          """
              .formatted(quoted(lines), columns, LONGEST_LINE, quoted(file)));
    } catch (SQLException e) {
      String why = String.valueOf(e.getMessage()).replace(file.toString(), named.toString());
      throw new IOException(named + ": it cannot be written: " + why, e);
    }
  }

  /** A file's name as a string of SQL. */
  public static String quoted(Path file) {
    return "'" + file.toString().replace("'", "''") + "'";
  }
}
