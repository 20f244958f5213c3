package dev.palimpsest.jinja;

import dev.palimpsest.jinja.Values.Callable;
import dev.palimpsest.jinja.Values.Undefined;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Attributes, methods and items of values, as Jinja's sandbox gives them. */
final class Attributes {
  private static final Set<String> CHANGE_LISTS =
      Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");
  private static final Set<String> CHANGE_DICTS =
      Set.of("clear", "pop", "popitem", "setdefault", "update");

  private Attributes() {}

  /** Jinja's {@code target.name}: a method first, then an item of that name. */
  static Object attribute(Object target, String name) {
    Optional<Object> own = own(target, name);
    return own.isPresent() ? own.get() : Values.item(target, name);
  }

  /** Jinja's {@code target[key]}: an item first, then an attribute of that name. */
  static Object item(Object target, Object key) {
    Object item = Values.item(target, key);
    return item instanceof Undefined && key instanceof String name
        ? own(target, name).orElse(item)
        : item;
  }

  /** The attribute or item of a value that a field of {@code format} names. */
  static Object lookup(Object target, Object key, boolean attribute) {
    Object found = attribute ? attribute(target, Values.text(key)) : item(target, key);
    if (found instanceof Undefined undefined) {
      throw undefined.used();
    }
    return found;
  }

  /** An attribute that is no item. */
  static Optional<Object> own(Object target, String name) {
    return switch (target) {
      case Undefined undefined -> throw undefined.used();
      case Values.Members members -> members.member(name);
      case String text -> Strings.method(text, name).map(each -> each);
      case Map<?, ?> map -> Optional.ofNullable(method(map, name));
      case List<?> list -> Optional.ofNullable(method(list, name));
      case Values.Tuple tuple when tuple.names().contains(name) ->
          Optional.of(tuple.items().get(tuple.names().indexOf(name)));
      case Values.Tuple tuple when name.equals("index") || name.equals("count") ->
          Optional.ofNullable(method(tuple.items(), name));
      case Double number when name.equals("is_integer") ->
          Optional.of(callable(name, "", _ -> number == Math.rint(number) && !number.isInfinite()));
      default -> Optional.empty();
    };
  }

  private interface Body {
    Object of(BoundArguments given);
  }

  private static Callable callable(String name, String parameters, Body body) {
    return (given, named) -> body.of(BoundArguments.bind(name, parameters, given, named));
  }

  private static Callable refused(Object target, String name) {
    return (_, _) -> {
      throw new JinjaException(
          "\"%s\" would change a value of type %s".formatted(name, Values.type(target)));
    };
  }

  private static @Nullable Callable method(Map<?, ?> map, String name) {
    if (CHANGE_DICTS.contains(name)) {
      return refused(map, name);
    }
    return switch (name) {
      case "items" -> callable(name, "", _ -> new Values.View("dict_items", Values.entries(map)));
      case "keys" -> callable(name, "", _ -> new Values.View("dict_keys", Values.items(map)));
      case "values" ->
          callable(
              name, "", _ -> new Values.View("dict_values", new ArrayList<Object>(map.values())));
      case "get" ->
          callable(
              name,
              "/ key default?",
              g ->
                  Values.find(map, g.get("key"))
                      .orElseGet(() -> g.find("default").orElse(Values.NONE)));
      case "copy" -> callable(name, "", _ -> new LinkedHashMap<Object, Object>(map));
      default -> null;
    };
  }

  private static @Nullable Callable method(List<?> list, String name) {
    if (CHANGE_LISTS.contains(name)) {
      return refused(list, name);
    }
    return switch (name) {
      case "index" -> callable(name, "/ value", g -> index(list, g.get("value")));
      case "count" ->
          callable(
              name,
              "/ value",
              g -> list.stream().filter(each -> Values.equal(each, g.get("value"))).count());
      case "copy" -> callable(name, "", _ -> new ArrayList<Object>(list));
      default -> null;
    };
  }

  private static Object index(List<?> list, Object value) {
    for (int index = 0; index < list.size(); index++) {
      if (Values.equal(list.get(index), value)) {
        return (long) index;
      }
    }
    throw new JinjaException("\"index\" finds no such value");
  }
}
