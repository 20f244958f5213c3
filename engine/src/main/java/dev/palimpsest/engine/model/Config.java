package dev.palimpsest.engine.model;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * Reads a {@code config.json} strictly: whatever is missing, bad or more than the engine has is
 * refused by its key and value. What decides nothing is a notice.
 *
 * <p>It keeps account of the keys whose values were taken, so that no key can be accepted and then
 * not be read.
 */
final class Config {
  static final int MAX_WIDTH = 1 << 20;
  static final int MAX_COUNT = 1 << 24;
  static final int MAX_LAYERS = 10_000;

  private final JsonNode root;
  private final String path;
  private final String family;
  private final Consumer<String> notices;
  private final Set<String> read = new HashSet<>();

  /**
   * A reader of {@code root}.
   *
   * @param family as messages name it
   * @param notices is told what is not used
   */
  Config(JsonNode root, String family, Consumer<String> notices) {
    this(root, "", family, notices);
  }

  private Config(JsonNode root, String path, String family, Consumer<String> notices) {
    this.root = root;
    this.path = path;
    this.family = family;
    this.notices = notices;
  }

  /** Whether the key is there and not null. */
  boolean isGiven(String key) {
    JsonNode value = root.path(key);
    return !value.isMissingNode() && !value.isNull();
  }

  /** Whether the key is there and null. */
  boolean isNull(String key) {
    return root.path(key).isNull();
  }

  /** Whether the key is there and false. */
  boolean isFalse(String key) {
    return root.path(key).isBoolean() && !root.path(key).booleanValue();
  }

  /** The object at a key, read as this one is; empty if there is none, or nothing in it. */
  Optional<Config> object(String key) {
    JsonNode value = node(key);
    if (!isGiven(key) || (value.isObject() && value.isEmpty())) {
      return Optional.empty();
    }
    if (!value.isObject()) {
      throw bad(key, "an object");
    }
    return Optional.of(new Config(value, path + key + ".", family, notices));
  }

  /** The keys that are given and that nothing has read. */
  List<String> unread() {
    return root.propertyNames().stream()
        .filter(key -> isGiven(key) && !read.contains(key))
        .toList();
  }

  /** A key with the path to it, as messages name it. */
  String at(String key) {
    return path + key;
  }

  /** Tells that a key is not used. */
  void unused(String key, String why) {
    notices.accept(
        "config.json has %s %s, which is not used: %s.".formatted(at(key), shown(node(key)), why));
  }

  /** The value at a key, which is thereby read. */
  private JsonNode node(String key) {
    read.add(key);
    return root.path(key);
  }

  /** Refuses any of these keys that is missing or has another value than the one given, as JSON. */
  void require(Map<String, String> values) {
    values.forEach((key, supported) -> requireOnly(key, required(key), supported));
  }

  /** Refuses any of these keys that is there with another value than the one given, as JSON. */
  void allow(Map<String, String> values) {
    allow(values, Set.of());
  }

  /**
   * Refuses any of these keys that is there with another value than the one given, as JSON; of
   * those that mean nothing to the family it only tells, if the family has not read them.
   */
  void allow(Map<String, String> values, Set<String> meaningless) {
    values.forEach(
        (key, supported) -> {
          if (isGiven(key) && meaningless.contains(key)) {
            if (!read.contains(key) && !node(key).toString().equals(supported)) {
              unused(key, "it means nothing to a %s model".formatted(family));
            }
          } else if (isGiven(key)) {
            requireOnly(key, node(key), supported);
          }
        });
  }

  /** Refuses a configuration that lacks one of these keys. */
  void requireGiven(String... keys) {
    for (String key : keys) {
      required(key);
    }
  }

  private void requireOnly(String key, JsonNode value, String supported) {
    if (!value.toString().equals(supported)) {
      throw lacks(key, supported);
    }
  }

  /** The refusal of a value that asks for what the engine lacks. */
  UnsupportedModelException lacks(String key, String supported) {
    return new UnsupportedModelException(
        "config.json asks for %s %s, which this engine lacks; it has %s."
            .formatted(at(key), shown(root.path(key)), supported));
  }

  /** The refusal of two keys, of which one may be of another object, that do not say the same. */
  UnsupportedModelException contradicts(String key, Config other, String otherKey) {
    return new UnsupportedModelException(
        "config.json has %s %s and %s %s, which contradict each other: one of them has to go."
            .formatted(
                at(key),
                shown(root.path(key)),
                other.at(otherKey),
                shown(other.root.path(otherKey))));
  }

  private JsonNode required(String key) {
    if (!isGiven(key)) {
      throw new UnsupportedModelException(
          "config.json has no value for %s, which a %s model needs.".formatted(at(key), family));
    }
    return node(key);
  }

  int integer(String key, int low, int high) {
    return integer(key, required(key), low, high);
  }

  int integerOr(String key, int fallback, int low, int high) {
    return isGiven(key) ? integer(key, low, high) : fallback;
  }

  private int integer(String key, JsonNode value, int low, int high) {
    boolean whole = value.isIntegralNumber() && value.canConvertToInt();
    if (!whole || value.intValue() < low || value.intValue() > high) {
      throw bad(key, "an integer from %d to %d".formatted(low, high), shown(value));
    }
    return value.intValue();
  }

  double positive(String key) {
    JsonNode value = required(key);
    double number = value.isNumber() ? value.asDouble(0) : 0;
    if (!(number > 0 && Double.isFinite(number))) {
      throw bad(key, "a number above 0");
    }
    return number;
  }

  double positiveOr(String key, double fallback) {
    return isGiven(key) ? positive(key) : fallback;
  }

  boolean bool(String key) {
    JsonNode value = required(key);
    if (!value.isBoolean()) {
      throw bad(key, "true or false");
    }
    return value.booleanValue();
  }

  boolean boolOr(String key, boolean fallback) {
    return isGiven(key) ? bool(key) : fallback;
  }

  Optional<String> string(String key) {
    if (!isGiven(key)) {
      return Optional.empty();
    }
    if (!node(key).isString()) {
      throw bad(key, "a string");
    }
    return Optional.of(root.path(key).stringValue());
  }

  /** The integers of an array. */
  List<Integer> integers(String key, int low, int high) {
    JsonNode value = required(key);
    if (!value.isArray()) {
      throw bad(key, "an array of integers");
    }
    List<Integer> integers = new ArrayList<>();
    for (JsonNode each : value.values()) {
      integers.add(integer(key, each, low, high));
    }
    return integers;
  }

  /** The strings of an array. */
  List<String> strings(String key) {
    List<String> strings = new ArrayList<>();
    for (JsonNode each : required(key).values()) {
      strings.add(each.asString(""));
    }
    return strings;
  }

  /**
   * The ids below {@code vocabulary} that the usual keys name; {@code eos_token_id} may be a list.
   * An id that is no token, such as the -1 of the first Llamas, can end no text and pad none.
   */
  TokenIds ids(int vocabulary, OptionalInt mask) {
    List<Integer> eos = ids("eos_token_id", vocabulary);
    List<Integer> pad = ids("pad_token_id", vocabulary);
    return new TokenIds(
        mask, eos, pad.isEmpty() ? OptionalInt.empty() : OptionalInt.of(pad.getFirst()));
  }

  private List<Integer> ids(String key, int vocabulary) {
    if (!isGiven(key)) {
      return List.of();
    }
    JsonNode value = node(key);
    List<Integer> ids = new ArrayList<>();
    for (JsonNode each : value.isArray() ? value.values() : List.of(value)) {
      int id = integer(key, each, Integer.MIN_VALUE, Integer.MAX_VALUE);
      if (id >= 0 && id < vocabulary) {
        ids.add(id);
      } else {
        notices.accept(
            "config.json has %s %d, which is not used: ids are 0 to %d."
                .formatted(at(key), id, vocabulary - 1));
      }
    }
    return ids;
  }

  UnsupportedModelException bad(String key, String needed) {
    return bad(key, needed, shown(root.path(key)));
  }

  private UnsupportedModelException bad(String key, String needed, String value) {
    return new UnsupportedModelException(
        "config.json has %s %s; %s is needed.".formatted(at(key), value, needed));
  }

  static String shown(JsonNode value) {
    String json = value.toString();
    return json.length() > 120 ? json.substring(0, 120) + "…" : json;
  }

  /** A map that keeps the order of its keys and values. */
  static Map<String, String> ordered(String... keysAndValues) {
    Map<String, String> map = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      map.put(keysAndValues[i], keysAndValues[i + 1]);
    }
    return map;
  }
}
