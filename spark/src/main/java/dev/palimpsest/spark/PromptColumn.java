package dev.palimpsest.spark;

import dev.palimpsest.api.Prompt;
import dev.palimpsest.engine.text.Conversation;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The column of prompts. Its type says what they are: strings are users' texts, arrays of numbers
 * are token ids, and arrays of structs are conversations, whose messages have a {@code role} and a
 * {@code content}.
 */
record PromptColumn(int index, String name, Kind kind) implements Serializable {
  /** What prompts are. */
  enum Kind {
    TEXT,
    IDS,
    CHAT
  }

  /**
   * Finds a column.
   *
   * @throws IllegalArgumentException if there is none, or its type is another
   */
  static PromptColumn of(StructType schema, String name) {
    int index = Columns.index(schema, name);
    return new PromptColumn(index, name, kind(name, schema.fields()[index].dataType()));
  }

  private static Kind kind(String name, DataType type) {
    if (type.equals(DataTypes.StringType)) {
      return Kind.TEXT;
    }
    if (type instanceof ArrayType array) {
      if (Columns.isWhole(array.elementType())) {
        return Kind.IDS;
      }
      if (array.elementType() instanceof StructType message && isMessage(message)) {
        return Kind.CHAT;
      }
    }
    throw new IllegalArgumentException(
        "the column %s of prompts is %s: use a string, an array of ints (token ids) or an array of structs of the strings role and content"
            .formatted(name, type.simpleString()));
  }

  private static boolean isMessage(StructType message) {
    List<String> names = List.of(message.fieldNames());
    for (StructField field : message.fields()) {
      if (!field.dataType().equals(DataTypes.StringType)) {
        return false;
      }
    }
    return names.contains("role") && names.contains("content");
  }

  /**
   * The prompt of a row.
   *
   * @throws IllegalArgumentException if it is null, or holds a null
   */
  Prompt prompt(Row row) {
    if (row.isNullAt(index)) {
      throw new IllegalArgumentException("the prompt in the column %s is null".formatted(name));
    }
    return switch (kind) {
      case TEXT -> new Prompt.Text(row.getString(index));
      case IDS -> new Prompt.Ids(ids(row.getList(index)));
      case CHAT -> new Prompt.Chat(new Conversation(messages(row.getList(index)), Map.of()));
    };
  }

  private int[] ids(List<Number> values) {
    int[] ids = new int[values.size()];
    for (int i = 0; i < ids.length; i++) {
      Number value = values.get(i);
      if (value == null || value.longValue() != value.intValue()) {
        throw new IllegalArgumentException(
            "the token id %s in the column %s is none: use whole numbers of 32 bits"
                .formatted(value, name));
      }
      ids[i] = value.intValue();
    }
    return ids;
  }

  private List<Map<String, Object>> messages(List<Row> values) {
    List<Map<String, Object>> messages = new ArrayList<>();
    for (Row value : values) {
      if (value == null) {
        throw new IllegalArgumentException(
            "a message in the column %s is null: use structs of role and content".formatted(name));
      }
      Map<String, Object> message = new LinkedHashMap<>();
      for (String field : value.schema().fieldNames()) {
        Object text = value.getAs(field);
        if (text != null) {
          message.put(field, text);
        }
      }
      messages.add(message);
    }
    return messages;
  }
}
