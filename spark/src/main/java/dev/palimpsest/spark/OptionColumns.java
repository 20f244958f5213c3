package dev.palimpsest.spark;

import dev.palimpsest.sampler.method.SamplingOptions;
import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * The options of a row: those of all rows, then those in its column of options, then its seed.
 *
 * @param ofAllRows by their reference names
 * @param options the column of options, a map or a struct, or {@link #NONE}
 * @param seed the column of seeds, or {@link #NONE}
 */
record OptionColumns(Map<String, Object> ofAllRows, int options, int seed) implements Serializable {
  private static final int NONE = -1;

  /**
   * Finds the columns.
   *
   * @throws IllegalArgumentException if one is not there, or its type is another
   */
  static OptionColumns of(
      StructType schema,
      Map<String, Object> ofAllRows,
      Optional<String> optionsName,
      Optional<String> seedName) {
    int options = optionsName.map(name -> Columns.index(schema, name)).orElse(NONE);
    int seed = seedName.map(name -> Columns.index(schema, name)).orElse(NONE);
    if (options != NONE && !holdsOptions(schema.fields()[options].dataType())) {
      throw new IllegalArgumentException(
          "the column %s of options is %s: use a struct, or a map from strings to strings"
              .formatted(
                  optionsName.orElseThrow(), schema.fields()[options].dataType().simpleString()));
    }
    if (seed != NONE && !Columns.isWhole(schema.fields()[seed].dataType())) {
      throw new IllegalArgumentException(
          "the column %s of seeds is %s: use a whole number"
              .formatted(seedName.orElseThrow(), schema.fields()[seed].dataType().simpleString()));
    }
    return new OptionColumns(ofAllRows, options, seed);
  }

  private static boolean holdsOptions(DataType type) {
    return type instanceof StructType
        || (type instanceof MapType map
            && map.keyType().equals(DataTypes.StringType)
            && map.valueType().equals(DataTypes.StringType));
  }

  /** The options of a row, by their reference names. */
  Map<String, Object> options(Row row) {
    Map<String, Object> values = new LinkedHashMap<>(ofAllRows);
    if (options != NONE && !row.isNullAt(options)) {
      if (row.get(options) instanceof Row struct) {
        for (String name : struct.schema().fieldNames()) {
          put(values, name, struct.getAs(name));
        }
      } else {
        row.getJavaMap(options).forEach((name, value) -> put(values, String.valueOf(name), value));
      }
    }
    if (seed != NONE && !row.isNullAt(seed)) {
      values.put("seed", ((Number) row.get(seed)).longValue());
    }
    return values;
  }

  private static void put(Map<String, Object> values, String name, @Nullable Object value) {
    if (value != null) {
      values.put(name, value instanceof String text ? SamplingOptions.value(text) : value);
    }
  }
}
