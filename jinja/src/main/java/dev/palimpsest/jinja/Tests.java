package dev.palimpsest.jinja;

import dev.palimpsest.jinja.Values.Undefined;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Jinja's tests, which follow {@code is}: {@code x is defined}. */
final class Tests {
  static final Set<String> NAMES =
      Set.of(
          "boolean",
          "callable",
          "defined",
          "divisibleby",
          "eq",
          "equalto",
          "escaped",
          "even",
          "false",
          "filter",
          "float",
          "ge",
          "greaterthan",
          "gt",
          "in",
          "integer",
          "iterable",
          "le",
          "lessthan",
          "lower",
          "lt",
          "mapping",
          "ne",
          "none",
          "number",
          "odd",
          "sameas",
          "sequence",
          "string",
          "test",
          "true",
          "undefined",
          "upper");

  private Tests() {}

  static boolean holds(String name, Object value, List<Object> given, Map<String, Object> named) {
    String parameters =
        switch (name) {
          case "divisibleby" -> "num";
          case "in" -> "seq";
          case "sameas" -> "other";
          case "eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "<", "le", "<=" -> "/ other";
          case "gt", "greaterthan", ">", "ge", ">=" -> "/ other";
          default -> "";
        };
    BoundArguments arguments = BoundArguments.bind(name, parameters, given, named);
    return switch (name) {
      case "defined" -> !(value instanceof Undefined);
      case "undefined" -> value instanceof Undefined;
      case "none" -> Values.isNone(value);
      case "string" -> value instanceof String;
      case "number" -> Numbers.number(value).isPresent();
      case "integer" -> Numbers.isWhole(value);
      case "float" -> value instanceof Double;
      case "boolean" -> value instanceof Boolean;
      case "true" -> value.equals(true);
      case "false" -> value.equals(false);
      case "mapping" -> value instanceof Map<?, ?>;
      case "sequence" -> isSequence(value);
      case "iterable" ->
          isSequence(value) || value instanceof Values.View || value instanceof Values.Generator;
      case "callable" -> value instanceof Values.Callable || value instanceof Undefined;
      case "escaped" -> false;
      case "filter" -> Filters.NAMES.contains(Values.text(value));
      case "test" -> NAMES.contains(Values.text(value));
      case "even" -> remainder(value, 2L, 0);
      case "odd" -> remainder(value, 2L, 1);
      case "divisibleby" -> remainder(value, arguments.get("num"), 0);
      case "eq", "equalto", "==" -> Values.equal(value, arguments.get("other"));
      case "ne", "!=" -> !Values.equal(value, arguments.get("other"));
      case "lt", "lessthan", "<" -> Values.ordered("<", value, arguments.get("other"));
      case "le", "<=" -> Values.ordered("<=", value, arguments.get("other"));
      case "gt", "greaterthan", ">" -> Values.ordered(">", value, arguments.get("other"));
      case "ge", ">=" -> Values.ordered(">=", value, arguments.get("other"));
      case "in" -> Values.contains(arguments.get("seq"), value);
      case "sameas" -> isSame(value, arguments.get("other"));
      case "lower" -> Strings.isLower(Values.text(value));
      case "upper" -> Strings.isUpper(Values.text(value));
      default -> throw new JinjaException("the test \"" + name + "\" is not known");
    };
  }

  private static boolean isSequence(Object value) {
    return value instanceof String
        || value instanceof List<?>
        || value instanceof Values.Tuple
        || value instanceof Map<?, ?>
        || value instanceof Values.Range
        || value instanceof Undefined;
  }

  private static boolean isSame(Object value, Object other) {
    return value.getClass() == other.getClass() && Values.equal(value, other);
  }

  private static boolean remainder(Object value, Object divisor, long wanted) {
    return Values.equal(Values.arithmetic("%", value, divisor), wanted);
  }
}
