package dev.palimpsest.app.file;

import dev.palimpsest.engine.checkpoint.CheckpointException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The messages of a conversation, as files hold them. */
public final class ConversationJson {
  private static final JsonMapper JSON = new JsonMapper();

  private ConversationJson() {}

  /**
   * Reads a list of objects, each with its {@code role} and what else its chat template knows.
   *
   * @param where is named in errors, as {@code chat.json}
   * @throws CheckpointException if it is something else, or empty
   */
  public static List<Map<String, @Nullable Object>> messages(JsonNode list, String where) {
    if (!list.isArray() || list.isEmpty()) {
      throw new CheckpointException(where + ": it holds no list of messages.");
    }
    List<Map<String, @Nullable Object>> messages = new ArrayList<>();
    for (JsonNode each : list.values()) {
      if (!each.isObject() || !each.path("role").isString()) {
        throw new CheckpointException(
            "%s: message %d is no object with a \"role\" and a \"content\"."
                .formatted(where, messages.size() + 1));
      }
      messages.add(object(each));
    }
    return messages;
  }

  /** The fields of an object as plain values. */
  public static Map<String, @Nullable Object> object(JsonNode object) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    object.properties().forEach(field -> fields.put(field.getKey(), value(field.getValue())));
    return fields;
  }

  /** A plain value. */
  public static @Nullable Object value(JsonNode node) {
    return JSON.treeToValue(node, Object.class);
  }
}
