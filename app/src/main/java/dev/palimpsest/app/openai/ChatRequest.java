package dev.palimpsest.app.openai;

import dev.palimpsest.engine.text.Conversation;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A request of {@code /v1/chat/completions}.
 *
 * @param conversation that is to be answered
 * @param parameters of the generation
 * @param logprobs alternatives named for every token, if log-probabilities are wanted at all
 */
public record ChatRequest(
    Conversation conversation, GenerationParameters parameters, OptionalInt logprobs) {
  /** Where it is sent. */
  public static final String PATH = "/v1/chat/completions";

  private static final int MOST_ALTERNATIVES = 20;
  private static final JsonMapper MAPPER = new JsonMapper();

  /**
   * Reads a request.
   *
   * @throws RequestException naming the first parameter that is wrong
   */
  public static ChatRequest read(Fields fields) {
    Conversation conversation = conversation(fields);
    GenerationParameters parameters = GenerationParameters.read(fields);
    requireTextFormat(fields);
    OptionalInt top = fields.integer("top_logprobs", 0, MOST_ALTERNATIVES);
    boolean wanted = fields.flag("logprobs");
    if (top.isPresent() && top.getAsInt() > 0 && !wanted) {
      throw RequestException.wrong(
          "top_logprobs",
          "top_logprobs %d needs logprobs: use it with logprobs true.".formatted(top.getAsInt()));
    }
    fields.requireAllKnown();
    return new ChatRequest(
        conversation, parameters, wanted ? OptionalInt.of(top.orElse(0)) : OptionalInt.empty());
  }

  /**
   * The conversation of a request: its messages, and the variables of its chat template.
   *
   * @throws RequestException naming the first parameter that is wrong
   */
  public static Conversation conversation(Fields fields) {
    Map<String, @Nullable Object> variables = new LinkedHashMap<>();
    fields
        .value("chat_template_kwargs")
        .ifPresent(
            value -> {
              if (!value.isObject() || value.has("messages")) {
                throw fields.wrong(
                    "chat_template_kwargs", value, "an object of variables other than messages");
              }
              value
                  .properties()
                  .forEach(each -> variables.put(each.getKey(), java(each.getValue())));
            });
    return new Conversation(messages(fields), variables);
  }

  private static void requireTextFormat(Fields fields) {
    Optional<Fields> format = fields.object("response_format");
    if (format.isPresent()) {
      String type = format.get().text("type").orElse("");
      if (!type.equals("text")) {
        throw RequestException.wrong(
            "response_format.type",
            "response_format.type \"%s\" is not supported: use \"text\".".formatted(type));
      }
      format.get().requireAllKnown();
    }
  }

  private static List<Map<String, @Nullable Object>> messages(Fields fields) {
    List<JsonNode> list = fields.list("messages");
    if (list.isEmpty()) {
      throw RequestException.wrong(
          "messages", "messages are missing: use a list of at least one message.");
    }
    List<Map<String, @Nullable Object>> messages = new ArrayList<>();
    for (JsonNode each : list) {
      String name = "messages[" + messages.size() + "]";
      if (!each.path("role").isString()) {
        throw RequestException.wrong(
            name, name + " is no object with a \"role\" and a \"content\".");
      }
      Map<String, @Nullable Object> message = new LinkedHashMap<>();
      each.properties().forEach(field -> message.put(field.getKey(), java(field.getValue())));
      message.put("content", content(each, name));
      messages.add(message);
    }
    return messages;
  }

  /** The text of a message: a string, or parts, each on lines of its own. */
  private static @Nullable String content(JsonNode message, String name) {
    JsonNode content = message.path("content");
    if (content.isString()) {
      return content.stringValue();
    }
    if (content.isNull() && message.path("role").stringValue().equals("assistant")) {
      return null;
    }
    if (!content.isArray() || content.isEmpty()) {
      throw RequestException.wrong(
          name + ".content", name + ".content is neither a string nor a list of texts.");
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode part : content.values()) {
      if (!part.path("type").asString("").equals("text") || !part.path("text").isString()) {
        throw RequestException.wrong(
            name + ".content",
            "%s.content[%d] is no text: use {\"type\": \"text\", \"text\": …}."
                .formatted(name, texts.size()));
      }
      texts.add(part.path("text").stringValue());
    }
    return String.join("\n", texts);
  }

  private static @Nullable Object java(JsonNode value) {
    return MAPPER.treeToValue(value, Object.class);
  }
}
