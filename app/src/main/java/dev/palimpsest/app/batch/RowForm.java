package dev.palimpsest.app.batch;

import dev.palimpsest.api.Prompt;
import dev.palimpsest.app.file.ConversationJson;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.text.Conversation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * How a row's fields become what it asks for: {@code id}, one of {@code prompt}, {@code messages}
 * (with {@code tools} and {@code chat_template_kwargs}) and {@code prompt_ids}, and {@code
 * options}. A field that is null is not given; one that is unknown is refused by name.
 *
 * @param idField the name of the field with the id
 * @param promptField the name of the field with the prompt
 */
record RowForm(String idField, String promptField) {
  static final String MESSAGES = "messages";
  static final String PROMPT_IDS = "prompt_ids";
  static final String TOOLS = "tools";
  static final String VARIABLES = "chat_template_kwargs";
  static final String OPTIONS = "options";

  /** The names of all fields. */
  List<String> fields() {
    return List.of(idField, promptField, MESSAGES, TOOLS, VARIABLES, PROMPT_IDS, OPTIONS);
  }

  /**
   * Reads a row.
   *
   * @param otherwise its id if it has none of its own
   */
  Row read(long number, String otherwise, JsonNode fields) {
    String id = otherwise;
    try {
      if (!fields.isObject()) {
        throw new BadRow("the row is no JSON object");
      }
      id = id(fields.path(idField), otherwise);
      return new Row.Asked(number, id, prompt(fields), options(fields.path(OPTIONS)));
    } catch (BadRow e) {
      return new Row.Bad(number, id, String.valueOf(e.getMessage()));
    }
  }

  private String id(JsonNode value, String otherwise) throws BadRow {
    if (isAbsent(value)) {
      return otherwise;
    }
    if (!value.isString() && !value.isNumber()) {
      throw new BadRow("%s %s is invalid: use a text or a number".formatted(idField, value));
    }
    return value.asString();
  }

  private Prompt prompt(JsonNode fields) throws BadRow {
    for (String name : fields.propertyNames()) {
      if (!fields().contains(name)) {
        throw new BadRow(
            "%s is no field of a row, which has %s".formatted(name, String.join(", ", fields())));
      }
    }
    Set<String> given = new LinkedHashSet<>(List.of(promptField, MESSAGES, PROMPT_IDS));
    given.removeIf(name -> isAbsent(fields.path(name)));
    if (given.size() != 1) {
      throw new BadRow(
          "the row has %s: give one of %s, %s and %s"
              .formatted(
                  given.isEmpty() ? "no prompt" : String.join(" and ", given),
                  promptField,
                  MESSAGES,
                  PROMPT_IDS));
    }
    for (String name : List.of(TOOLS, VARIABLES)) {
      if (!isAbsent(fields.path(name)) && !given.contains(MESSAGES)) {
        throw new BadRow(name + " is for a row with " + MESSAGES);
      }
    }
    if (given.contains(MESSAGES)) {
      return chat(fields);
    }
    return given.contains(PROMPT_IDS)
        ? new Prompt.Ids(ids(fields.path(PROMPT_IDS)))
        : text(fields.path(promptField));
  }

  private Prompt text(JsonNode value) throws BadRow {
    if (!value.isString()) {
      throw new BadRow(promptField + " " + value + " is invalid: use a text");
    }
    return new Prompt.Text(value.stringValue());
  }

  private static Prompt chat(JsonNode fields) throws BadRow {
    Map<String, @Nullable Object> variables = new LinkedHashMap<>();
    JsonNode given = fields.path(VARIABLES);
    if (given.isObject()) {
      variables.putAll(ConversationJson.object(given));
    } else if (!isAbsent(given)) {
      throw new BadRow("%s %s is invalid: use an object".formatted(VARIABLES, given));
    }
    if (!isAbsent(fields.path(TOOLS))) {
      variables.put(TOOLS, ConversationJson.value(fields.path(TOOLS)));
    }
    try {
      List<Map<String, @Nullable Object>> messages =
          ConversationJson.messages(fields.path(MESSAGES), MESSAGES);
      if ("assistant".equals(messages.getLast().get("role"))) {
        throw new BadRow("the conversation ends with the assistant's message");
      }
      return new Prompt.Chat(new Conversation(messages, variables));
    } catch (CheckpointException e) {
      throw new BadRow(String.valueOf(e.getMessage()), e);
    }
  }

  private static int[] ids(JsonNode value) throws BadRow {
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : value.values()) {
      if (!id.isInt()) {
        throw new BadRow("%s holds %s, which is no id".formatted(PROMPT_IDS, id));
      }
      ids.add(id.intValue());
    }
    if (!value.isArray()) {
      throw new BadRow("%s %s is invalid: use a list of ids".formatted(PROMPT_IDS, value));
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private static Map<String, Object> options(JsonNode value) throws BadRow {
    if (isAbsent(value)) {
      return Map.of();
    }
    if (!value.isObject()) {
      throw new BadRow("%s %s is invalid: use an object".formatted(OPTIONS, value));
    }
    Map<String, Object> options = new LinkedHashMap<>();
    ConversationJson.object(value)
        .forEach(
            (name, option) -> {
              if (option != null) {
                options.put(name, option);
              }
            });
    return options;
  }

  private static boolean isAbsent(JsonNode value) {
    return value.isMissingNode() || value.isNull();
  }
}
