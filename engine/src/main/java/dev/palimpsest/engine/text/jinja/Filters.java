package dev.palimpsest.engine.text.jinja;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Jinja's filters, and Transformers' {@code tojson}. */
final class Filters {
  static final Set<String> NAMES =
      Set.of(
          "trim",
          "lower",
          "upper",
          "capitalize",
          "title",
          "length",
          "count",
          "first",
          "last",
          "join",
          "replace",
          "default",
          "d",
          "tojson",
          "items",
          "list",
          "string",
          "int",
          "float",
          "map",
          "select",
          "reject",
          "selectattr",
          "rejectattr",
          "sort",
          "unique",
          "reverse",
          "indent",
          "min",
          "max",
          "sum",
          "abs",
          "safe",
          "dictsort",
          "format",
          "escape",
          "e");

  private Filters() {}

  /** The value behind a filter. */
  static Object apply(String name, Object value, List<Object> given, Map<String, Object> named) {
    Given arguments = new Given(name, given, named);
    return switch (name) {
      case "trim" ->
          Strings.strip(Values.text(value), arguments.at(0, "chars").map(Values::text), true, true);
      case "lower" -> Values.text(value).toLowerCase(Locale.ROOT);
      case "upper" -> Values.text(value).toUpperCase(Locale.ROOT);
      case "capitalize" -> Strings.capitalize(Values.text(value));
      case "title" -> Strings.title(Values.text(value));
      case "length", "count" -> Values.length(value);
      case "first" -> end(name, Values.items(value), true);
      case "last" -> end(name, Values.items(value), false);
      case "join" -> join(value, arguments);
      case "replace" -> Strings.replace(Values.text(value), given);
      case "default", "d" -> otherwise(value, arguments);
      case "tojson" -> json(value, arguments);
      case "items" -> value instanceof Values.Undefined ? List.of() : entries(map(name, value));
      case "list" -> Values.items(value);
      case "string", "safe" -> Values.text(value);
      case "int" -> integer(value, arguments);
      case "float" -> decimal(value, arguments);
      case "map" -> mapped(value, arguments);
      case "select", "selectattr" -> selected(name, value, given, true);
      case "reject", "rejectattr" -> selected(name, value, given, false);
      case "sort" -> sorted(value, arguments);
      case "unique" -> unique(Values.items(value));
      case "reverse" -> reversed(value);
      case "indent" -> indented(Values.text(value), arguments);
      case "min" -> extreme(Values.items(value), -1);
      case "max" -> extreme(Values.items(value), 1);
      case "sum" -> sum(Values.items(value), arguments);
      case "abs" -> value instanceof Long n ? (Object) Math.abs(n) : (Object) magnitude(value);
      case "dictsort" -> dictSorted(map(name, value));
      case "format" -> Strings.percent(Values.text(value), new Values.Tuple(given));
      case "escape", "e" -> escaped(Values.text(value));
      default -> throw new JinjaException("the filter \"" + name + "\" is not known");
    };
  }

  /** What a filter is given, by place or by name. */
  private record Given(String filter, List<Object> positional, Map<String, Object> named) {
    Optional<Object> at(int index, String name) {
      return positional.size() > index
          ? Optional.of(positional.get(index))
          : Optional.ofNullable(named.get(name));
    }

    boolean flag(int index, String name) {
      return at(index, name).map(Values::isTrue).orElse(false);
    }
  }

  private static Object end(String name, List<Object> items, boolean first) {
    if (items.isEmpty()) {
      return new Values.Undefined(name);
    }
    return first ? items.getFirst() : items.getLast();
  }

  private static String join(Object value, Given arguments) {
    List<String> parts = new ArrayList<>();
    Optional<Object> attribute = arguments.at(1, "attribute");
    for (Object each : Values.items(value)) {
      parts.add(Values.text(attribute.isPresent() ? path(each, attribute.get()) : each));
    }
    return String.join(arguments.at(0, "d").map(Values::text).orElse(""), parts);
  }

  private static Object otherwise(Object value, Given arguments) {
    boolean missing =
        value instanceof Values.Undefined
            || (arguments.flag(1, "boolean") && !Values.isTrue(value));
    return missing ? arguments.at(0, "default_value").orElse("") : value;
  }

  private static String json(Object value, Given arguments) {
    Optional<Object> indent = arguments.at(1, "indent").filter(each -> !Values.isNone(each));
    if (indent.isPresent() && !(indent.get() instanceof Long width && width >= 0 && width <= 16)) {
      throw new JinjaException("\"tojson\" takes an indent of 0 to 16");
    }
    return Values.json(
        value, indent.map(each -> Math.toIntExact((Long) each)), arguments.flag(3, "sort_keys"));
  }

  private static Map<?, ?> map(String name, Object value) {
    if (value instanceof Map<?, ?> map) {
      return map;
    }
    throw new JinjaException(
        "the filter \"%s\" takes a dict, not a value of type %s"
            .formatted(name, Values.type(value)));
  }

  /** The entries of a dict as tuples of two. */
  static List<Object> entries(Map<?, ?> map) {
    List<Object> entries = new ArrayList<>();
    map.forEach((key, each) -> entries.add(new Values.Tuple(List.of(key, each))));
    return entries;
  }

  private static Object integer(Object value, Given arguments) {
    Object otherwise = arguments.at(0, "default").orElse(0L);
    return switch (value) {
      case Long number -> number;
      case Boolean flag -> flag ? 1L : 0L;
      case Double number -> (long) number.doubleValue();
      case String text when text.strip().matches("[-+]?[0-9]{1,18}") -> Long.valueOf(text.strip());
      case String text when text.strip().matches("[-+]?[0-9]{1,15}\\.[0-9]*") ->
          (long) Double.parseDouble(text.strip());
      default -> otherwise;
    };
  }

  private static Object decimal(Object value, Given arguments) {
    return switch (value) {
      case Number number -> number.doubleValue();
      case String text when text.strip().matches("[-+]?[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)?") ->
          Double.valueOf(text.strip());
      default -> arguments.at(0, "default").orElse(0.0);
    };
  }

  private static double magnitude(Object value) {
    if (value instanceof Double number) {
      return Math.abs(number);
    }
    throw new JinjaException("a value of type " + Values.type(value) + " has no magnitude");
  }

  private static Object mapped(Object value, Given arguments) {
    List<Object> mapped = new ArrayList<>();
    Object attribute = arguments.named().get("attribute");
    for (Object each : Values.items(value)) {
      if (attribute != null) {
        Object found = path(each, attribute);
        mapped.add(
            found instanceof Values.Undefined
                ? arguments.named().getOrDefault("default", found)
                : found);
      } else {
        String name = Values.text(arguments.at(0, "filter").orElse(""));
        List<Object> rest = arguments.positional();
        mapped.add(
            apply(name, each, rest.subList(Math.min(1, rest.size()), rest.size()), Map.of()));
      }
    }
    return mapped;
  }

  private static Object selected(String name, Object value, List<Object> given, boolean wanted) {
    boolean byAttribute = name.endsWith("attr");
    if (byAttribute && given.isEmpty()) {
      throw new JinjaException("the filter \"" + name + "\" needs an attribute");
    }
    List<Object> test = byAttribute ? given.subList(1, given.size()) : given;
    List<Object> selected = new ArrayList<>();
    for (Object each : Values.items(value)) {
      Object tested = byAttribute ? path(each, given.getFirst()) : each;
      boolean holds =
          test.isEmpty()
              ? Values.isTrue(tested)
              : Tests.holds(Values.text(test.getFirst()), tested, test.subList(1, test.size()));
      if (holds == wanted) {
        selected.add(each);
      }
    }
    return selected;
  }

  /** An attribute, or one of an attribute, as {@code function.name}. */
  private static Object path(Object value, Object attribute) {
    if (attribute instanceof Long) {
      return Values.item(value, attribute);
    }
    Object found = value;
    for (String part : Values.text(attribute).split("\\.", -1)) {
      found = Values.item(found, part.matches("[0-9]{1,9}") ? Long.valueOf(part) : part);
    }
    return found;
  }

  private static Object sorted(Object value, Given arguments) {
    List<Object> sorted = Values.items(value);
    boolean exact = arguments.flag(1, "case_sensitive");
    Optional<Object> attribute = arguments.at(2, "attribute");
    Comparator<Object> order =
        (a, b) -> Values.order(key(a, attribute, exact), key(b, attribute, exact));
    sorted.sort(arguments.flag(0, "reverse") ? order.reversed() : order);
    return sorted;
  }

  private static Object key(Object value, Optional<Object> attribute, boolean exact) {
    Object key = attribute.isPresent() ? path(value, attribute.get()) : value;
    return key instanceof String text && !exact ? text.toLowerCase(Locale.ROOT) : key;
  }

  private static Object dictSorted(Map<?, ?> map) {
    List<Object> entries = entries(map);
    entries.sort(
        (a, b) ->
            Values.order(
                key(Values.item(a, 0L), Optional.empty(), false),
                key(Values.item(b, 0L), Optional.empty(), false)));
    return entries;
  }

  /** As Jinja's: texts that differ in case alone are one. */
  private static Object unique(List<Object> items) {
    Map<Object, Object> first = new LinkedHashMap<>();
    items.forEach(each -> first.putIfAbsent(key(each, Optional.empty(), false), each));
    return new ArrayList<>(first.values());
  }

  private static Object reversed(Object value) {
    if (value instanceof String text) {
      return new StringBuilder(text).reverse().toString();
    }
    List<Object> reversed = new ArrayList<>(Values.items(value));
    Collections.reverse(reversed);
    return reversed;
  }

  private static String indented(String text, Given arguments) {
    Object width = arguments.at(0, "width").orElse(4L);
    String space =
        width instanceof Long count ? " ".repeat(Math.clamp(count, 0, 100)) : Values.text(width);
    boolean blank = arguments.flag(2, "blank");
    String[] lines = text.split("\n", -1);
    for (int line = arguments.flag(1, "first") ? 0 : 1; line < lines.length; line++) {
      if (blank || !lines[line].isEmpty()) {
        lines[line] = space + lines[line];
      }
    }
    return String.join("\n", Arrays.asList(lines));
  }

  private static Object extreme(List<Object> items, int sign) {
    if (items.isEmpty()) {
      return new Values.Undefined("extreme");
    }
    Object best = items.getFirst();
    for (Object each : items) {
      if (sign * Values.order(each, best) > 0) {
        best = each;
      }
    }
    return best;
  }

  private static Object sum(List<Object> items, Given arguments) {
    Optional<Object> attribute = arguments.at(0, "attribute").filter(each -> !Values.isNone(each));
    Object sum = arguments.at(1, "start").orElse(0L);
    for (Object each : items) {
      sum = Values.arithmetic("+", sum, attribute.isPresent() ? path(each, attribute.get()) : each);
    }
    return sum;
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }
}
