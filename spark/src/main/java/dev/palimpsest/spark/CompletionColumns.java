package dev.palimpsest.spark;

import dev.palimpsest.api.Completion;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/**
 * The columns of a completion behind those of its row.
 *
 * @param kept places of the row's columns that stay
 * @param schema of both
 * @param timings whether they are among them
 */
record CompletionColumns(int[] kept, StructType schema, boolean timings) implements Serializable {
  /** Of a row's name, the row's own columns keep track. */
  private static final String ID = "id";

  private static final String SEED = "seed";

  /**
   * The types of the columns, in {@link Completion}'s order, by the values of a completion.
   *
   * @param seedName the column of seeds; if the completion's has the same name, it takes its place
   * @throws IllegalArgumentException if a column of this name is there already
   */
  static CompletionColumns of(
      StructType given, String prefix, Optional<String> seedName, boolean timings) {
    String ownSeed = prefix + SEED;
    List<Integer> kept = new ArrayList<>();
    List<StructField> fields = new ArrayList<>();
    for (int index = 0; index < given.size(); index++) {
      StructField field = given.fields()[index];
      if (!field.name().equals(ownSeed) || !seedName.equals(Optional.of(ownSeed))) {
        kept.add(index);
        fields.add(field);
      }
    }
    Set<String> names = Set.copyOf(fields.stream().map(StructField::name).toList());
    for (StructField field : own(prefix, timings)) {
      if (names.contains(field.name())) {
        throw new IllegalArgumentException(
            "there is a column %s already, and completions have one of that name: rename it or set outputPrefix"
                .formatted(field.name()));
      }
      fields.add(field);
    }
    return new CompletionColumns(
        kept.stream().mapToInt(Integer::intValue).toArray(),
        DataTypes.createStructType(fields),
        timings);
  }

  private static List<StructField> own(String prefix, boolean timings) {
    Stream<StructField> costs =
        timings
            ? Stream.of(
                field(prefix + "first_snapshot_seconds", DataTypes.DoubleType),
                field(prefix + "seconds", DataTypes.DoubleType))
            : Stream.of();
    return Stream.of(
            Stream.of(
                field(prefix + "text", DataTypes.StringType),
                field(prefix + "tokens", DataTypes.createArrayType(DataTypes.IntegerType, false)),
                field(prefix + "finish_reason", DataTypes.StringType),
                field(prefix + "nfe", DataTypes.IntegerType),
                field(prefix + "tpf", DataTypes.DoubleType)),
            costs,
            Stream.of(
                field(prefix + SEED, DataTypes.LongType),
                field(prefix + "error", DataTypes.StringType)))
        .flatMap(each -> each)
        .toList();
  }

  private static StructField field(String name, DataType type) {
    return DataTypes.createStructField(name, type, true);
  }

  /** A row with its completion. */
  Row row(Row given, Completion completion) {
    List<@Nullable Object> values = new ArrayList<>(schema.size());
    for (int index : kept) {
      values.add(given.get(index));
    }
    for (Map.Entry<String, @Nullable Object> column : completion.columns(timings).entrySet()) {
      if (!column.getKey().equals(ID)) {
        values.add(
            column.getValue() instanceof List<?> tokens ? tokens.toArray() : column.getValue());
      }
    }
    return RowFactory.create(values.toArray());
  }
}
