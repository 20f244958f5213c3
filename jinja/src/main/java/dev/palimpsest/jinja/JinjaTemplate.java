package dev.palimpsest.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A template, rendered as Jinja2 renders it under the settings of Transformers: {@code
 * trim_blocks}, {@code lstrip_blocks}, no HTML escaping, loop controls, {@code tojson} as {@code
 * json.dumps}, {@code raise_exception} and {@code strftime_now}.
 *
 * <p>It reads no file and no class and changes nothing that it is given. How long it may run and
 * write is bounded. What it does not know (blocks, filters, tests) it refuses when it is read, so
 * that no prompt loses text silently.
 */
public final class JinjaTemplate {
  private final List<Statement> statements;

  /**
   * Reads a template.
   *
   * @throws JinjaException naming the line and what is wrong there
   */
  public JinjaTemplate(String template) {
    statements = Parser.parse(template);
  }

  /**
   * The text of the template with these variables.
   *
   * @param variables booleans, numbers, strings, lists, maps and null, which is Python's {@code
   *     None}
   * @param longest most characters of the text
   * @throws JinjaException if it fails, naming the line; or in the template's own words, if it
   *     calls {@code raise_exception}
   * @throws IllegalArgumentException naming the type of a variable that is none of those
   */
  public String render(Map<String, ? extends @Nullable Object> variables, int longest) {
    Map<String, Object> values = new HashMap<>();
    variables.forEach((name, value) -> values.put(name, value(value)));
    Interpreter interpreter = new Interpreter(values, longest);
    try {
      return interpreter.text(statements);
    } catch (Interpreter.Refusal refusal) {
      throw new JinjaException(String.valueOf(refusal.getMessage()));
    } catch (JinjaException e) {
      throw new JinjaException("line " + interpreter.line() + ": " + e.getMessage());
    }
  }

  private static Object value(@Nullable Object given) {
    return switch (given) {
      case null -> Values.NONE;
      case Boolean _, Long _, BigInteger _, Double _, String _ -> given;
      case Byte _, Short _, Integer _ -> ((Number) given).longValue();
      case Float number -> (double) number;
      case Map<?, ?> map -> {
        Map<Object, Object> values = new LinkedHashMap<>();
        map.forEach((key, each) -> values.put(value(key), value(each)));
        yield values;
      }
      case List<?> list -> {
        List<Object> values = new ArrayList<>();
        list.forEach(each -> values.add(value(each)));
        yield values;
      }
      default ->
          throw new IllegalArgumentException(
              "a template takes booleans, numbers, strings, lists, maps and null, not a value of type "
                  + given.getClass().getName());
    };
  }
}
