package dev.palimpsest.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Python's values and what its operators make of them: {@code Boolean}, {@code Long}, {@code
 * BigInteger}, {@code Double}, {@code String}, {@code List}, {@link Tuple}, {@code Map}, {@link
 * Range}, {@link View}, {@link Generator}, {@link Callable}, {@link Members}, {@link #NONE} and
 * {@link Undefined}.
 */
final class Values {
  /** Python's {@code None}. */
  static final Object NONE = None.NONE;

  private static final int LONGEST_REPEAT = 1 << 20;

  private Values() {}

  private enum None {
    NONE
  }

  /** The value of a name or an attribute that nothing was assigned to. */
  record Undefined(String name) {
    JinjaException used() {
      return new JinjaException("\"" + name + "\" is undefined");
    }
  }

  /**
   * A list that prints with round brackets.
   *
   * @param names of its items, where they have some
   */
  record Tuple(List<Object> items, List<String> names) {
    Tuple(List<Object> items) {
      this(items, List.of());
    }
  }

  /** The value of {@code range(start, stop, step)}. */
  record Range(long start, long stop, long step) {
    List<Object> items() {
      List<Object> items = new ArrayList<>();
      for (long each = start; step > 0 ? each < stop : each > stop; each += step) {
        items.add(each);
      }
      return items;
    }
  }

  /** A dict's keys, values or items: they have a length and no index. */
  record View(String kind, List<Object> items) {}

  /**
   * The value of most filters of a list: it is true, has no length, and its items come only once.
   */
  static final class Generator {
    private final Iterator<Object> rest;

    Generator(List<Object> items) {
      rest = items.iterator();
    }

    List<Object> items() {
      List<Object> items = new ArrayList<>();
      rest.forEachRemaining(items::add);
      return items;
    }

    Optional<Object> next() {
      return rest.hasNext() ? Optional.of(rest.next()) : Optional.empty();
    }
  }

  /** A value with attributes of its own. */
  interface Members {
    Optional<Object> member(String name);
  }

  /** The value of {@code namespace()}: its attributes can be assigned from anywhere. */
  record Namespace(Map<String, Object> attributes) implements Members {
    @Override
    public Optional<Object> member(String name) {
      return Optional.ofNullable(attributes.get(name));
    }

    @Override
    public String toString() {
      return "<Namespace " + repr(attributes) + ">";
    }
  }

  /** A value that can be called. */
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
      case Range range -> !range.items().isEmpty();
      case View view -> !view.items().isEmpty();
      case Undefined _, None _ -> false;
      default -> true;
    };
  }

  /** Python's name of the value's type. */
  static String type(Object value) {
    return switch (value) {
      case Boolean _ -> "bool";
      case Long _, BigInteger _ -> "int";
      case Double _ -> "float";
      case String _ -> "str";
      case List<?> _ -> "list";
      case Tuple _ -> "tuple";
      case Map<?, ?> _ -> "dict";
      case Range _ -> "range";
      case View(String kind, var _) -> kind;
      case Generator _ -> "generator";
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

  static String repr(Object value) {
    return switch (value) {
      case Boolean flag -> flag ? "True" : "False";
      case None _ -> "None";
      case Undefined _ -> "Undefined";
      case Long number -> number.toString();
      case BigInteger number -> number.toString();
      case Double number -> Numbers.shown(number);
      case String text -> Characters.quoted(text);
      case List<?> list -> "[" + joined(list) + "]";
      case Tuple tuple ->
          "(" + joined(tuple.items()) + (tuple.items().size() == 1 ? "," : "") + ")";
      case Map<?, ?> map -> {
        List<String> parts = new ArrayList<>();
        map.forEach((key, each) -> parts.add(repr(key) + ": " + repr(each)));
        yield "{" + String.join(", ", parts) + "}";
      }
      case Range(long start, long stop, long step) ->
          "range(" + start + ", " + stop + (step == 1 ? "" : ", " + step) + ")";
      case View(String kind, List<Object> items) -> kind + "([" + joined(items) + "])";
      case Members members -> members.toString();
      default ->
          throw new JinjaException(
              "a value of type " + type(value) + " has no text that is always the same");
    };
  }

  private static String joined(List<?> items) {
    List<String> parts = new ArrayList<>();
    items.forEach(each -> parts.add(repr(each)));
    return String.join(", ", parts);
  }

  /** The items that a loop over the value takes. */
  static List<Object> items(Object value) {
    return switch (value) {
      case List<?> list -> new ArrayList<>(list);
      case Tuple tuple -> tuple.items();
      case Map<?, ?> map -> new ArrayList<>(map.keySet());
      case Range range -> range.items();
      case View view -> view.items();
      case Generator generator -> generator.items();
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
    return switch (value) {
      case String text -> Characters.length(text);
      case Generator _ -> throw new JinjaException("a generator has no length");
      default -> items(value).size();
    };
  }

  static boolean equal(Object left, Object right) {
    Object a = Numbers.number(left).orElse(left);
    Object b = Numbers.number(right).orElse(right);
    if (a instanceof Number && b instanceof Number) {
      return Numbers.compare(a, b).orElse(1) == 0;
    }
    return switch (a) {
      case Undefined _ -> b instanceof Undefined;
      case List<?> x when b instanceof List<?> y -> equalItems(x, y);
      case Tuple x when b instanceof Tuple y -> equalItems(x.items(), y.items());
      case Range x when b instanceof Range y -> x.items().equals(y.items());
      case Map<?, ?> x when b instanceof Map<?, ?> y -> equalMaps(x, y);
      default -> a.equals(b);
    };
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

  private static boolean equalMaps(Map<?, ?> left, Map<?, ?> right) {
    return left.size() == right.size()
        && left.entrySet().stream()
            .allMatch(
                each ->
                    find(right, each.getKey())
                        .filter(other -> equal(each.getValue(), other))
                        .isPresent());
  }

  /** Whether {@code left operator right} holds; values without an order are refused. */
  static boolean ordered(String operator, Object left, Object right) {
    Object a = Numbers.number(left).orElse(left);
    Object b = Numbers.number(right).orElse(right);
    Optional<Integer> order =
        a instanceof Number && b instanceof Number
            ? Numbers.compare(a, b)
            : Optional.of(order(left, right));
    return order.isPresent()
        && switch (operator) {
          case "<" -> order.get() < 0;
          case "<=" -> order.get() <= 0;
          case ">" -> order.get() > 0;
          default -> order.get() >= 0;
        };
  }

  /** Below, equal or above 0, for values that have an order. */
  static int order(Object left, Object right) {
    Object a = Numbers.number(left).orElse(left);
    Object b = Numbers.number(right).orElse(right);
    if (a instanceof Number && b instanceof Number) {
      return Numbers.compare(a, b).orElse(0);
    }
    if (a instanceof String x && b instanceof String y) {
      return Characters.compare(x, y);
    }
    if ((a instanceof List<?> && b instanceof List<?>)
        || (a instanceof Tuple && b instanceof Tuple)) {
      List<Object> x = items(a);
      List<Object> y = items(b);
      for (int index = 0; index < Math.min(x.size(), y.size()); index++) {
        if (!equal(x.get(index), y.get(index))) {
          return order(x.get(index), y.get(index));
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
      case Map<?, ?> map -> find(map, part).isPresent();
      default -> items(whole).stream().anyMatch(each -> equal(each, part));
    };
  }

  /** The value of a dict at a key; numbers that are equal are one key. */
  static Optional<Object> find(Map<?, ?> map, Object key) {
    requireHashable(key);
    Object value = map.get(key);
    if (value == null && Numbers.number(key).isPresent()) {
      for (Map.Entry<?, ?> each : map.entrySet()) {
        if (equal(each.getKey(), key)) {
          return Optional.of(each.getValue());
        }
      }
    }
    return Optional.ofNullable(value);
  }

  static void put(Map<Object, Object> map, Object key, Object value) {
    requireHashable(key);
    if (Numbers.number(key).isPresent()) {
      for (Map.Entry<Object, Object> each : map.entrySet()) {
        if (equal(each.getKey(), key)) {
          each.setValue(value);
          return;
        }
      }
    }
    map.put(key, value);
  }

  static void requireHashable(Object key) {
    if (key instanceof List<?> || key instanceof Map<?, ?>) {
      throw new JinjaException("a value of type " + type(key) + " cannot be a key");
    }
    if (key instanceof Tuple tuple) {
      tuple.items().forEach(Values::requireHashable);
    }
  }

  /** {@code left operator right}. */
  static Object arithmetic(String operator, Object left, Object right) {
    if (left instanceof Undefined undefined) {
      throw undefined.used();
    }
    if (right instanceof Undefined undefined && !(operator.equals("%") && left instanceof String)) {
      throw undefined.used();
    }
    Object a = Numbers.number(left).orElse(left);
    Object b = Numbers.number(right).orElse(right);
    if (a instanceof Number && b instanceof Number) {
      return Numbers.arithmetic(operator, a, b);
    }
    if (operator.equals("%") && a instanceof String format) {
      return Formats.percent(format, right);
    }
    if (operator.equals("+")) {
      if (a instanceof String x && b instanceof String y) {
        return x + y;
      }
      if (a instanceof List<?> && b instanceof List<?>) {
        return concatenated(a, b);
      }
      if (a instanceof Tuple && b instanceof Tuple) {
        return new Tuple(concatenated(a, b));
      }
    }
    if (operator.equals("*") && Numbers.isWhole(b)) {
      return repeated(a, Numbers.big(b), operator, left, right);
    }
    if (operator.equals("*") && Numbers.isWhole(a)) {
      return repeated(b, Numbers.big(a), operator, left, right);
    }
    throw unjoined(operator, left, right);
  }

  private static JinjaException unjoined(String operator, Object left, Object right) {
    return new JinjaException(
        "\"%s\" does not join values of types %s and %s"
            .formatted(operator, type(left), type(right)));
  }

  private static List<Object> concatenated(Object left, Object right) {
    List<Object> all = new ArrayList<>(items(left));
    all.addAll(items(right));
    return all;
  }

  private static Object repeated(
      Object value, BigInteger times, String operator, Object left, Object right) {
    if (!(value instanceof String || value instanceof List<?> || value instanceof Tuple)) {
      throw unjoined(operator, left, right);
    }
    BigInteger size = times.max(BigInteger.ZERO).multiply(BigInteger.valueOf(length(value)));
    if (size.bitLength() > 31 || size.intValue() > LONGEST_REPEAT) {
      throw new JinjaException(
          "a repeated %s becomes longer than %d"
              .formatted(value instanceof String ? "text" : "list", LONGEST_REPEAT));
    }
    int count = size.signum() == 0 ? 0 : times.intValueExact();
    if (value instanceof String text) {
      return text.repeat(count);
    }
    List<Object> items = items(value);
    List<Object> repeated = new ArrayList<>();
    for (int time = 0; time < count; time++) {
      repeated.addAll(items);
    }
    return value instanceof Tuple ? new Tuple(repeated) : repeated;
  }

  /** The item at a key or, counted from the end if below 0, at an index. */
  static Object item(Object target, Object key) {
    if (target instanceof Undefined undefined) {
      throw undefined.used();
    }
    if (target instanceof Map<?, ?> map) {
      return key instanceof List<?> || key instanceof Map<?, ?>
          ? new Undefined(text(key))
          : find(map, key).orElseGet(() -> new Undefined(text(key)));
    }
    if (Numbers.number(key).orElse(key) instanceof Long index
        && (target instanceof List<?>
            || target instanceof Tuple
            || target instanceof Range
            || target instanceof String)) {
      List<Object> items = items(target);
      long at = index < 0 ? index + items.size() : index;
      return at >= 0 && at < items.size()
          ? items.get((int) at)
          : new Undefined(type(target) + "[" + index + "]");
    }
    return new Undefined(text(key));
  }

  /** Python's {@code target[start:stop:step]}; a bound is {@code None} where it is left out. */
  static Object slice(Object target, Object start, Object stop, Object step) {
    if (target instanceof Undefined undefined) {
      throw undefined.used();
    }
    boolean known =
        target instanceof List<?>
            || target instanceof Tuple
            || target instanceof Range
            || target instanceof String;
    if (!known || !isBound(start) || !isBound(stop) || !isBound(step)) {
      return new Undefined("slice of a value of type " + type(target));
    }
    List<Object> items = items(target);
    long stride = isNone(step) ? 1 : bound(step);
    if (stride == 0) {
      throw new JinjaException("the step of a slice is 0");
    }
    long size = items.size();
    long low = stride > 0 ? 0 : -1;
    long high = stride > 0 ? size : size - 1;
    long from = isNone(start) ? (stride > 0 ? low : high) : within(bound(start), size, low, high);
    long to = isNone(stop) ? (stride > 0 ? high : low) : within(bound(stop), size, low, high);
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
      case Range range ->
          new Range(
              range.start() + from * range.step(),
              range.start() + to * range.step(),
              range.step() * stride);
      default -> taken;
    };
  }

  private static boolean isBound(Object value) {
    return isNone(value) || value instanceof Boolean || Numbers.isWhole(value);
  }

  /** A bound as a number of moderate size. */
  private static long bound(Object value) {
    Object number = Numbers.number(value).orElseThrow();
    BigInteger limit = BigInteger.valueOf(Integer.MAX_VALUE);
    return Numbers.big(number).min(limit).max(limit.negate()).longValue();
  }

  private static long within(long given, long size, long low, long high) {
    return Math.clamp(given < 0 ? given + size : given, low, high);
  }

  /** The entries of a dict as tuples of two. */
  static List<Object> entries(Map<?, ?> map) {
    List<Object> entries = new ArrayList<>();
    map.forEach((key, each) -> entries.add(new Tuple(List.of(key, each))));
    return entries;
  }

  /** A dict of another dict's entries or of pairs, and of names. */
  static Map<Object, Object> dict(List<Object> given, Map<String, Object> named) {
    if (given.size() > 1) {
      throw new JinjaException("\"dict\" takes at most 1 value, not " + given.size());
    }
    Map<Object, Object> dict = new LinkedHashMap<>();
    for (Object each : given) {
      List<Object> pairs = each instanceof Map<?, ?> map ? entries(map) : items(each);
      for (Object pair : pairs) {
        List<Object> two = items(pair);
        if (two.size() != 2) {
          throw new JinjaException("\"dict\" takes pairs, not " + two.size() + " values");
        }
        put(dict, two.get(0), two.get(1));
      }
    }
    named.forEach((name, value) -> put(dict, name, value));
    return dict;
  }
}
