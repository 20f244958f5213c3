package dev.palimpsest.engine.text;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The messages and variables that a chat template is rendered with.
 *
 * @param messages in order, each with its {@code role}, its {@code content} and what else the
 *     template knows; values are those of JSON
 * @param variables of the template beside its messages, as {@code enable_thinking}
 */
public record Conversation(
    List<? extends Map<String, ? extends @Nullable Object>> messages,
    Map<String, ? extends @Nullable Object> variables) {

  /** One turn of a user. */
  public static Conversation ofUser(String text) {
    return new Conversation(List.of(message("user", text)), Map.of());
  }

  /** The same with other contents of its messages, where they are texts. */
  public Conversation map(UnaryOperator<String> text) {
    List<Map<String, @Nullable Object>> mapped = new ArrayList<>();
    for (Map<String, ? extends @Nullable Object> message : messages) {
      Map<String, @Nullable Object> copy = new LinkedHashMap<>(message);
      if (copy.get("content") instanceof String content) {
        copy.put("content", text.apply(content));
      }
      mapped.add(copy);
    }
    return new Conversation(mapped, variables);
  }

  /** A message of a role: {@code system}, {@code user}, {@code assistant}. */
  public static Map<String, Object> message(String role, String content) {
    Map<String, Object> message = new LinkedHashMap<>();
    message.put("role", role);
    message.put("content", content);
    return message;
  }
}
