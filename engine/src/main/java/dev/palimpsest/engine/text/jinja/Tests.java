package dev.palimpsest.engine.text.jinja;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What can follow {@code is}. */
final class Tests {
  static final Set<String> NAMES =
      Set.of(
          "defined",
          "undefined",
          "none",
          "string",
          "number",
          "integer",
          "float",
          "boolean",
          "true",
          "false",
          "mapping",
          "sequence",
          "iterable",
          "callable",
          "even",
          "odd",
          "divisibleby",
          "equalto",
          "eq",
          "ne",
          "lt",
          "le",
          "gt",
          "ge",
          "lessthan",
          "greaterthan",
          "in",
          "sameas",
          "lower",
          "upper");

  private Tests() {}

  static boolean holds(String name, Object value, List<Object> arguments) {
    return switch (name) {
      case "defined" -> !(value instanceof Values.Undefined);
      case "undefined" -> value instanceof Values.Undefined;
      case "none" -> Values.isNone(value);
      case "string" -> value instanceof String;
      case "number" -> value instanceof Number || value instanceof Boolean;
      case "integer" -> value instanceof Long;
      case "float" -> value instanceof Double;
      case "boolean" -> value instanceof Boolean;
      case "true" -> value.equals(true);
      case "false" -> value.equals(false);
      case "mapping" -> value instanceof Map<?, ?>;
      case "sequence", "iterable" ->
          value instanceof String
              || value instanceof List<?>
              || value instanceof Values.Tuple
              || value instanceof Map<?, ?>
              || value instanceof Values.Undefined;
      case "callable" -> value instanceof Values.Callable;
      case "even" -> remainder(value, 2) == 0;
      case "odd" -> remainder(value, 2) == 1;
      case "divisibleby" -> remainder(value, argument(name, arguments)) == 0;
      case "equalto", "eq" -> Values.equal(value, argument(name, arguments));
      case "ne" -> !Values.equal(value, argument(name, arguments));
      case "lt", "lessthan" -> Values.order(value, argument(name, arguments)) < 0;
      case "le" -> Values.order(value, argument(name, arguments)) <= 0;
      case "gt", "greaterthan" -> Values.order(value, argument(name, arguments)) > 0;
      case "ge" -> Values.order(value, argument(name, arguments)) >= 0;
      case "in" -> Values.contains(argument(name, arguments), value);
      case "sameas" -> isSame(value, argument(name, arguments));
      case "lower" -> Values.text(value).equals(Values.text(value).toLowerCase(Locale.ROOT));
      case "upper" -> Values.text(value).equals(Values.text(value).toUpperCase(Locale.ROOT));
      default -> throw new JinjaException("the test \"" + name + "\" is not known");
    };
  }

  private static boolean isSame(Object value, Object other) {
    return value.getClass() == other.getClass() && Values.equal(value, other);
  }

  private static Object argument(String name, List<Object> arguments) {
    if (arguments.isEmpty()) {
      throw new JinjaException("the test \"" + name + "\" needs a value");
    }
    return arguments.getFirst();
  }

  private static long remainder(Object value, Object divisor) {
    if (Values.arithmetic("%", value, divisor) instanceof Long remainder) {
      return remainder;
    }
    throw new JinjaException("a value of type " + Values.type(value) + " is no int");
  }

  private static long remainder(Object value, long divisor) {
    return remainder(value, (Object) divisor);
  }
}
