package dev.palimpsest.engine.text;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a chat template is given.
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

  /** A message of a role: {@code system}, {@code user}, {@code assistant}. */
  public static Map<String, Object> message(String role, String content) {
    return Map.of("role", role, "content", content);
  }
}
