package dev.palimpsest.engine.text.jinja;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BinaryOperator;
import java.util.function.LongBinaryOperator;

/**
 * Python's values and what its operators make of them: {@code Boolean}, {@code Long}, {@code
 * Double}, {@code String}, {@code List}, {@link Tuple}, {@code Map}, {@link Callable}, {@link
 * Namespace}, {@link #NONE} and {@link Undefined}.
 */
final class Values {
  /** Python's {@code None}. */
  static final Object NONE = None.NONE;

  private static final int LONGEST_REPEAT = 1 << 20;

  private Values() {}

  private enum None {
    NONE
  }

  /** What a name or an attribute is that nothing was assigned to. */
  record Undefined(String name) {}

  /** A list that prints with round brackets. */
  record Tuple(List<Object> items) {}

  /** What {@code namespace()} makes: its attributes can be assigned from anywhere. */
  record Namespace(Map<String, Object> attributes) {}

  /** What can be called. */
  interface Callable {
    /** The value of a call. */
    Object call(List<Object> positional, Map<String, Object> named);
  }

  static boolean isNone(Object value) {
    return value instanceof None;
  }

  static boolean isTrue(Object value) {
    return switch (value) {
      case Boolean flag -> flag;
      case Long number -> number != 0;
      case Double number -> number != 0;
      case String text -> !text.isEmpty();
      case List<?> list -> !list.isEmpty();
      case Tuple tuple -> !tuple.items().isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      case Undefined _, None _ -> false;
      default -> true;
    };
  }

  /** What Python calls the value's type. */
  static String type(Object value) {
    return switch (value) {
      case Boolean _ -> "bool";
      case Long _ -> "int";
      case Double _ -> "float";
      case String _ -> "str";
      case List<?> _ -> "list";
      case Tuple _ -> "tuple";
      case Map<?, ?> _ -> "dict";
      case None _ -> "NoneType";
      case Namespace _ -> "namespace";
      case Callable _ -> "function";
      case Undefined undefined -> "undefined " + undefined.name();
      default -> "object";
    };
  }

  static String text(Object value) {
    return switch (value) {
      case String text -> text;
      case Undefined _ -> "";
      default -> repr(value);
    };
  }

  private static String repr(Object value) {
    return switch (value) {
      case Boolean flag -> flag ? "True" : "False";
      case None _ -> "None";
      case Undefined _ -> "Undefined";
      case Double number -> shown(number);
      case String text -> quoted(text);
      case List<?> list -> "[" + joined(list) + "]";
      case Tuple(List<Object> items) -> "(" + joined(items) + (items.size() == 1 ? "," : "") + ")";
      case Map<?, ?> map -> {
        List<String> parts = new ArrayList<>();
        map.forEach((key, each) -> parts.add(repr(key) + ": " + repr(each)));
        yield "{" + String.join(", ", parts) + "}";
      }
      default -> value.toString();
    };
  }

  private static String joined(List<?> items) {
    List<String> parts = new ArrayList<>();
    items.forEach(each -> parts.add(repr(each)));
    return String.join(", ", parts);
  }

  private static String quoted(String text) {
    char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
    StringBuilder quoted = new StringBuilder().append(quote);
    for (int index = 0; index < text.length(); index++) {
      char c = text.charAt(index);
      switch (c) {
        case '\n' -> quoted.append("\\n");
        case '\r' -> quoted.append("\\r");
        case '\t' -> quoted.append("\\t");
        case '\\' -> quoted.append("\\\\");
        default -> quoted.append(c == quote ? "\\" : "").append(c);
      }
    }
    return quoted.append(quote).toString();
  }

  /** A float as Python prints it. */
  private static String shown(double number) {
    if (Double.isNaN(number)) {
      return "nan";
    }
    if (Double.isInfinite(number)) {
      return number > 0 ? "inf" : "-inf";
    }
    double size = Math.abs(number);
    if (size == 0 || (size >= 1e-4 && size < 1e16)) {
      String plain = new BigDecimal(Double.toString(number)).toPlainString();
      return plain.contains(".") ? plain : plain + ".0";
    }
    String[] parts = Double.toString(number).split("E", -1);
    int exponent = Integer.parseInt(parts[1]);
    return parts[0].replaceFirst("\\.0$", "")
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }

  /** JSON as Python's {@code json.dumps} writes it, without escaping what is not ASCII. */
  static String json(Object value, Optional<Integer> indent, boolean sorted) {
    StringBuilder json = new StringBuilder();
    json(json, value, indent, sorted, 0);
    return json.toString();
  }

  private static void json(
      StringBuilder json, Object value, Optional<Integer> indent, boolean sorted, int depth) {
    switch (value) {
      case String text -> string(json, text);
      case Boolean flag -> json.append(flag);
      case None _ -> json.append("null");
      case Long number -> json.append(number);
      case Double number -> json.append(shown(number));
      case List<?> list -> list(json, list, indent, sorted, depth);
      case Tuple tuple -> list(json, tuple.items(), indent, sorted, depth);
      case Map<?, ?> map -> {
        Map<String, Object> entries = sorted ? new TreeMap<>() : new LinkedHashMap<>();
        map.forEach((key, each) -> entries.put(text(key), each));
        json.append('{');
        int index = 0;
        for (Map.Entry<String, Object> entry : entries.entrySet()) {
          separate(json, index, indent, depth + 1);
          string(json, entry.getKey());
          json.append(": ");
          json(json, entry.getValue(), indent, sorted, depth + 1);
          index++;
        }
        close(json, index, indent, depth, '}');
      }
      default -> throw new JinjaException("a value of type " + type(value) + " is no JSON");
    }
  }

  private static void list(
      StringBuilder json, List<?> list, Optional<Integer> indent, boolean sorted, int depth) {
    json.append('[');
    for (int index = 0; index < list.size(); index++) {
      separate(json, index, indent, depth + 1);
      json(json, list.get(index), indent, sorted, depth + 1);
    }
    close(json, list.size(), indent, depth, ']');
  }

  private static void separate(StringBuilder json, int index, Optional<Integer> indent, int depth) {
    if (indent.isPresent()) {
      json.append(index == 0 ? "\n" : ",\n").repeat(' ', indent.get() * depth);
    } else if (index > 0) {
      json.append(", ");
    }
  }

  private static void close(
      StringBuilder json, int items, Optional<Integer> indent, int depth, char bracket) {
    if (indent.isPresent() && items > 0) {
      json.append('\n').repeat(' ', indent.get() * depth);
    }
    json.append(bracket);
  }

  private static void string(StringBuilder json, String text) {
    json.append('"');
    for (int index = 0; index < text.length(); index++) {
      char c = text.charAt(index);
      switch (c) {
        case '"' -> json.append("\\\"");
        case '\\' -> json.append("\\\\");
        case '\n' -> json.append("\\n");
        case '\r' -> json.append("\\r");
        case '\t' -> json.append("\\t");
        case '\b' -> json.append("\\b");
        case '\f' -> json.append("\\f");
        default -> {
          if (c < ' ') {
            json.append("\\u%04x".formatted((int) c));
          } else {
            json.append(c);
          }
        }
      }
    }
    json.append('"');
  }

  /** The items that a loop over the value takes. */
  static List<Object> items(Object value) {
    return switch (value) {
      case List<?> list -> new ArrayList<>(list);
      case Tuple tuple -> tuple.items();
      case Map<?, ?> map -> new ArrayList<>(map.keySet());
      case String text -> {
        List<Object> characters = new ArrayList<>();
        text.codePoints().forEach(point -> characters.add(Character.toString(point)));
        yield characters;
      }
      case Undefined _ -> List.of();
      default -> throw new JinjaException("a value of type " + type(value) + " has no items");
    };
  }

  static long length(Object value) {
    return value instanceof String text
        ? text.codePointCount(0, text.length())
        : items(value).size();
  }

  static boolean equal(Object left, Object right) {
    Object a = number(left).orElse(left);
    Object b = number(right).orElse(right);
    if (a instanceof Double || b instanceof Double) {
      return a instanceof Number x && b instanceof Number y && x.doubleValue() == y.doubleValue();
    }
    if (a instanceof Undefined && b instanceof Undefined) {
      return true;
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      return equalItems(x, y);
    }
    if (a instanceof Tuple x && b instanceof Tuple y) {
      return equalItems(x.items(), y.items());
    }
    return a.equals(b);
  }

  private static boolean equalItems(List<?> left, List<?> right) {
    if (left.size() != right.size()) {
      return false;
    }
    for (int index = 0; index < left.size(); index++) {
      if (!equal(left.get(index), right.get(index))) {
        return false;
      }
    }
    return true;
  }

  /** A number as one, a truth value as 0 or 1. */
  private static Optional<Object> number(Object value) {
    return switch (value) {
      case Boolean flag -> Optional.of(flag ? 1L : 0L);
      case Long number -> Optional.of(number);
      case Double number -> Optional.of(number);
      default -> Optional.empty();
    };
  }

  /** Below, equal or above 0, for values that have an order. */
  static int order(Object left, Object right) {
    Object a = number(left).orElse(left);
    Object b = number(right).orElse(right);
    if (a instanceof Long x && b instanceof Long y) {
      return x.compareTo(y);
    }
    if (a instanceof Number x && b instanceof Number y) {
      return Double.compare(x.doubleValue(), y.doubleValue());
    }
    if (a instanceof String x && b instanceof String y) {
      return x.compareTo(y);
    }
    if ((a instanceof List<?> && b instanceof List<?>)
        || (a instanceof Tuple && b instanceof Tuple)) {
      List<Object> x = items(a);
      List<Object> y = items(b);
      for (int index = 0; index < Math.min(x.size(), y.size()); index++) {
        int order = order(x.get(index), y.get(index));
        if (order != 0) {
          return order;
        }
      }
      return Integer.compare(x.size(), y.size());
    }
    throw new JinjaException(
        "values of types " + type(left) + " and " + type(right) + " have no order");
  }

  static boolean contains(Object whole, Object part) {
    return switch (whole) {
      case String text when part instanceof String piece -> text.contains(piece);
      case String _ -> throw new JinjaException("a value of type " + type(part) + " is in no str");
      case Map<?, ?> map -> map.containsKey(part);
      default -> items(whole).stream().anyMatch(each -> equal(each, part));
    };
  }

  static Object arithmetic(String operator, Object left, Object right) {
    Object a = number(left).orElse(left);
    Object b = number(right).orElse(right);
    if (operator.equals("+")) {
      if (a instanceof String x && b instanceof String y) {
        return x + y;
      }
      if (a instanceof List<?> x && b instanceof List<?> y) {
        List<Object> all = new ArrayList<>(x);
        all.addAll(y);
        return all;
      }
    }
    if (operator.equals("*") && a instanceof Long times && b instanceof String text) {
      return repeated(text, times);
    }
    if (operator.equals("*") && a instanceof String text && b instanceof Long times) {
      return repeated(text, times);
    }
    if (operator.equals("*") && a instanceof List<?> list && b instanceof Long times) {
      return repeated(list, times);
    }
    if (operator.equals("%") && a instanceof String format) {
      return Strings.percent(format, b);
    }
    if (!(a instanceof Number x && b instanceof Number y)) {
      throw new JinjaException(
          "\"%s\" does not join values of types %s and %s"
              .formatted(operator, type(left), type(right)));
    }
    boolean whole = a instanceof Long && b instanceof Long;
    if (List.of("/", "//", "%").contains(operator) && y.doubleValue() == 0) {
      throw new JinjaException("a number is divided by 0");
    }
    return switch (operator) {
      case "+" -> calculate(whole, x, y, Math::addExact, Double::sum);
      case "-" -> calculate(whole, x, y, Math::subtractExact, (p, q) -> p - q);
      case "*" -> calculate(whole, x, y, Math::multiplyExact, (p, q) -> p * q);
      case "/" -> x.doubleValue() / y.doubleValue();
      case "//" -> calculate(whole, x, y, Math::floorDiv, (p, q) -> Math.floor(p / q));
      case "%" -> calculate(whole, x, y, Math::floorMod, (p, q) -> p - Math.floor(p / q) * q);
      default -> power(whole, x, y);
    };
  }

  private static Object calculate(
      boolean whole,
      Number left,
      Number right,
      LongBinaryOperator integers,
      BinaryOperator<Double> floats) {
    try {
      if (whole) {
        return integers.applyAsLong(left.longValue(), right.longValue());
      }
    } catch (ArithmeticException e) {
      throw new JinjaException("a number becomes too large");
    }
    return floats.apply(left.doubleValue(), right.doubleValue());
  }

  private static Object power(boolean whole, Number left, Number right) {
    double power = Math.pow(left.doubleValue(), right.doubleValue());
    return whole && right.longValue() >= 0 && Math.abs(power) < 1L << 53
        ? (Object) Math.round(power)
        : (Object) power;
  }

  private static List<Object> repeated(List<?> list, long times) {
    if (times > 0 && list.size() * times > LONGEST_REPEAT) {
      throw new JinjaException("a repeated list becomes longer than " + LONGEST_REPEAT);
    }
    List<Object> repeated = new ArrayList<>();
    for (long time = 0; time < times; time++) {
      repeated.addAll(list);
    }
    return repeated;
  }

  private static String repeated(String text, long times) {
    if (times > 0 && text.length() * times > LONGEST_REPEAT) {
      throw new JinjaException("a repeated text becomes longer than " + LONGEST_REPEAT);
    }
    return text.repeat((int) Math.max(0, times));
  }

  /** The item at a key or, counted from the end if below 0, at an index. */
  static Object item(Object target, Object key) {
    if (target instanceof Map<?, ?> map) {
      Object value = map.get(key);
      return value == null ? new Undefined(text(key)) : value;
    }
    if (key instanceof Long index
        && (target instanceof List<?> || target instanceof Tuple || target instanceof String)) {
      List<Object> items = items(target);
      long at = index < 0 ? index + items.size() : index;
      return at >= 0 && at < items.size()
          ? items.get((int) at)
          : new Undefined(type(target) + "[" + index + "]");
    }
    if (target instanceof Undefined undefined) {
      throw new JinjaException("\"%s\" is undefined".formatted(undefined.name()));
    }
    return new Undefined(text(key));
  }

  /** Python's {@code target[start:stop:step]}. */
  static Object slice(
      Object target, Optional<Long> start, Optional<Long> stop, Optional<Long> step) {
    if (target instanceof Undefined undefined) {
      throw new JinjaException("\"%s\" is undefined".formatted(undefined.name()));
    }
    if (!(target instanceof List<?> || target instanceof Tuple || target instanceof String)) {
      return new Undefined("slice of a value of type " + type(target));
    }
    List<Object> items = items(target);
    long stride = step.orElse(1L);
    if (stride == 0) {
      throw new JinjaException("the step of a slice is 0");
    }
    long size = items.size();
    long low = stride > 0 ? 0 : -1;
    long high = stride > 0 ? size : size - 1;
    long from = start.map(each -> bound(each, size, low, high)).orElse(stride > 0 ? low : high);
    long to = stop.map(each -> bound(each, size, low, high)).orElse(stride > 0 ? high : low);
    List<Object> taken = new ArrayList<>();
    for (long at = from; stride > 0 ? at < to : at > to; at += stride) {
      taken.add(items.get((int) at));
    }
    return switch (target) {
      case String _ -> {
        StringBuilder text = new StringBuilder();
        taken.forEach(text::append);
        yield text.toString();
      }
      case Tuple _ -> new Tuple(taken);
      default -> taken;
    };
  }

  private static long bound(long given, long size, long low, long high) {
    return Math.clamp(given < 0 ? given + size : given, low, high);
  }
}
