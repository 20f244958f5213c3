package dev.palimpsest.app.battery;

import dev.palimpsest.app.file.DuckDb;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.lab.battery.ItemResult;
import dev.palimpsest.lab.battery.Observation;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.duckdb.DuckDBAppender;
import org.duckdb.DuckDBConnection;
import org.jspecify.annotations.Nullable;

/**
 * Every observation as a row of a Parquet file: model, item, id, part, condition, x, state, answer,
 * same, right, nfe, and a column for each flag and each number, empty where it has none.
 */
final class ObservationTable {
  private ObservationTable() {}

  static void write(Path target, List<ItemResult> items) throws IOException {
    TreeSet<String> flags = new TreeSet<>();
    TreeSet<String> numbers = new TreeSet<>();
    for (ItemResult item : items) {
      for (Observation each : item.observations()) {
        flags.addAll(each.flags().keySet());
        numbers.addAll(each.numbers().keySet());
      }
    }
    StringBuilder columns =
        new StringBuilder(
            "model VARCHAR, item INTEGER, id VARCHAR, part VARCHAR, condition VARCHAR, x DOUBLE,"
                + " state VARCHAR, answer VARCHAR, same BOOLEAN, \"right\" BOOLEAN, nfe INTEGER");
    flags.forEach(flag -> columns.append(", \"").append(flag).append("\" BOOLEAN"));
    numbers.forEach(number -> columns.append(", \"").append(number).append("\" DOUBLE"));
    Replacement.write(
        target,
        file -> {
          try (DuckDBConnection connection = DuckDb.open();
              Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE observations (" + columns + ")");
            try (DuckDBAppender rows =
                connection.createAppender(DuckDBConnection.DEFAULT_SCHEMA, "observations")) {
              for (ItemResult item : items) {
                for (Observation each : item.observations()) {
                  append(rows, item, each, flags, numbers);
                }
              }
            }
            statement.execute(
                "COPY observations TO %s (FORMAT parquet, COMPRESSION zstd)"
                    .formatted(DuckDb.quoted(file)));
          } catch (SQLException e) {
            String why = String.valueOf(e.getMessage()).replace(file.toString(), target.toString());
            throw new IOException(target + ": the table cannot be written: " + why, e);
          }
        });
  }

  private static void append(
      DuckDBAppender rows,
      ItemResult item,
      Observation each,
      Set<String> flags,
      Set<String> numbers)
      throws SQLException {
    rows.beginRow();
    rows.append(item.model()).append(item.item()).append(item.id());
    rows.append(each.part()).append(each.condition());
    append(rows, each.x().isPresent() ? each.x().getAsDouble() : null);
    append(rows, each.state().orElse(null));
    append(rows, each.answer().orElse(null));
    rows.append(each.same()).append(each.right()).append(each.nfe());
    for (String flag : flags) {
      Boolean value = each.flags().get(flag);
      if (value == null) {
        rows.appendNull();
      } else {
        rows.append(value.booleanValue());
      }
    }
    for (String number : numbers) {
      append(rows, each.numbers().get(number));
    }
    rows.endRow();
  }

  private static void append(DuckDBAppender rows, @Nullable Double value) throws SQLException {
    if (value == null) {
      rows.appendNull();
    } else {
      rows.append(value.doubleValue());
    }
  }

  private static void append(DuckDBAppender rows, @Nullable String value) throws SQLException {
    if (value == null) {
      rows.appendNull();
    } else {
      rows.append(value);
    }
  }
}
