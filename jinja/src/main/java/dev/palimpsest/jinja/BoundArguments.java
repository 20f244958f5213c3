package dev.palimpsest.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Arguments of a filter, a test, a function or a method, bound to its parameters as Python binds
 * them: by place, then by name, nothing twice, nothing unknown, nothing missing.
 */
final class BoundArguments {
  private static final long BEYOND = 1L << 40;

  private final String callee;
  private final Map<String, Object> values;

  private BoundArguments(String callee, Map<String, Object> values) {
    this.callee = callee;
    this.values = values;
  }

  /**
   * Binds arguments.
   *
   * @param parameters their names with blanks between them; those that may be left out end in a
   *     question mark, and those behind a slash take no name
   */
  static BoundArguments bind(
      String callee, String parameters, List<Object> positional, Map<String, Object> named) {
    Map<String, Object> values = new LinkedHashMap<>();
    Map<String, Object> rest = new LinkedHashMap<>(named);
    List<String> all = new ArrayList<>();
    if (!parameters.isEmpty()) {
      all.addAll(List.of(parameters.split(" ", -1)));
    }
    boolean nameless = all.remove("/");
    if (positional.size() > all.size()) {
      throw new JinjaException(
          "\"%s\" takes at most %d values, not %d"
              .formatted(callee, all.size(), positional.size()));
    }
    for (int index = 0; index < all.size(); index++) {
      boolean optional = all.get(index).endsWith("?");
      String name =
          optional ? all.get(index).substring(0, all.get(index).length() - 1) : all.get(index);
      if (index < positional.size()) {
        values.put(name, positional.get(index));
      } else if (!nameless && rest.containsKey(name)) {
        values.put(name, rest.remove(name));
      } else if (!optional) {
        throw new JinjaException("\"%s\" needs a value for %s".formatted(callee, name));
      }
    }
    for (String name : rest.keySet()) {
      throw new JinjaException(
          values.containsKey(name) && !nameless
              ? "\"%s\" is given %s twice".formatted(callee, name)
              : "\"%s\" has no argument %s".formatted(callee, name));
    }
    return new BoundArguments(callee, values);
  }

  /** A value; {@code None} counts as given. */
  Optional<Object> find(String name) {
    return Optional.ofNullable(values.get(name));
  }

  /** A value, if one is given that is not {@code None}. */
  Optional<Object> some(String name) {
    return find(name).filter(each -> !Values.isNone(each));
  }

  Object get(String name) {
    return find(name).orElseThrow();
  }

  boolean flag(String name) {
    return find(name).map(Values::isTrue).orElse(false);
  }

  String string(String name) {
    return string(get(name));
  }

  Optional<String> someString(String name) {
    return some(name).map(this::string);
  }

  long whole(String name, long otherwise) {
    return find(name).map(this::whole).orElse(otherwise);
  }

  String string(Object value) {
    if (value instanceof String text) {
      return text;
    }
    throw new JinjaException(
        "\"%s\" takes a str, not a value of type %s".formatted(callee, Values.type(value)));
  }

  long whole(Object value) {
    if (Numbers.number(value).orElse(value) instanceof Long number) {
      return number;
    }
    throw new JinjaException(
        value instanceof BigInteger
            ? "\"%s\" is given too large an int".formatted(callee)
            : "\"%s\" takes an int, not a value of type %s".formatted(callee, Values.type(value)));
  }

  /** An int that bounds a text: one that is beyond all texts is as good as the largest. */
  long bound(Object value) {
    return value instanceof BigInteger number
        ? number.signum() * BEYOND
        : Math.clamp(whole(value), -BEYOND, BEYOND);
  }
}
