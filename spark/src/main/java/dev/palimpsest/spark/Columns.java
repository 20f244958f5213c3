package dev.palimpsest.spark;

import java.util.List;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Columns of a table by their names and types. */
final class Columns {
  private static final List<DataType> WHOLE =
      List.of(DataTypes.ByteType, DataTypes.ShortType, DataTypes.IntegerType, DataTypes.LongType);

  private Columns() {}

  /**
   * The place of a column.
   *
   * @throws IllegalArgumentException naming those there are, if it is none of them
   */
  static int index(StructType schema, String name) {
    int index = List.of(schema.fieldNames()).indexOf(name);
    if (index < 0) {
      throw new IllegalArgumentException(
          "there is no column %s: the columns are %s"
              .formatted(name, String.join(", ", schema.fieldNames())));
    }
    return index;
  }

  /** Whether values are whole numbers. */
  static boolean isWhole(DataType type) {
    return WHOLE.contains(type);
  }
}
