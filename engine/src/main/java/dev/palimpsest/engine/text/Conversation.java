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

  /** The same with other texts, wherever messages and variables have them. */
  public Conversation map(UnaryOperator<String> text) {
    return new Conversation(
        messages.stream().map(message -> mapped(message, text)).toList(), mapped(variables, text));
  }

  private static Map<String, @Nullable Object> mapped(
      Map<?, ? extends @Nullable Object> values, UnaryOperator<String> text) {
    Map<String, @Nullable Object> mapped = new LinkedHashMap<>();
    values.forEach((name, value) -> mapped.put(String.valueOf(name), mapped(value, text)));
    return mapped;
  }

  private static @Nullable Object mapped(@Nullable Object value, UnaryOperator<String> text) {
    return switch (value) {
      case String string -> text.apply(string);
      case Map<?, ?> object -> mapped(object, text);
      case List<?> list -> {
        List<@Nullable Object> mapped = new ArrayList<>();
        list.forEach(each -> mapped.add(mapped(each, text)));
        yield mapped;
      }
      case null, default -> value;
    };
  }

  /** A message of a role: {@code system}, {@code user}, {@code assistant}. */
  public static Map<String, Object> message(String role, String content) {
    Map<String, Object> message = new LinkedHashMap<>();
    message.put("role", role);
    message.put("content", content);
    return message;
  }
}
