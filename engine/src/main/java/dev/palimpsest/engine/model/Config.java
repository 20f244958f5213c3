package dev.palimpsest.engine.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Reads a {@code config.json} strictly: whatever is missing, bad or more than the engine has is
 * refused by its key and value.
 */
final class Config {
  static final int MAX_WIDTH = 1 << 20;
  static final int MAX_COUNT = 1 << 24;
  static final int MAX_LAYERS = 10_000;

  private final JsonNode root;
  private final String family;

  /**
   * A reader of {@code root}.
   *
   * @param family as messages name it
   */
  Config(JsonNode root, String family) {
    this.root = root;
    this.family = family;
  }

  /** Whether the key is there and not null. */
  boolean isGiven(String key) {
    JsonNode value = root.path(key);
    return !value.isMissingNode() && !value.isNull();
  }

  /** The object at a key, read as this one is. */
  Config object(String key) {
    if (!root.path(key).isObject()) {
      throw bad(key, "an object");
    }
    return new Config(root.path(key), family);
  }

  /**
   * Refuses every key of this object, found at {@code parent}, that is not among the known ones.
   */
  void only(String parent, String... known) {
    for (String key : root.propertyNames()) {
      if (!List.of(known).contains(key)) {
        throw lacking(parent + "." + key, shown(root.path(key)), String.join(", ", known));
      }
    }
  }

  /** Refuses any of these keys that is missing or has another value than the one given, as JSON. */
  void require(Map<String, String> values) {
    values.forEach((key, supported) -> requireOnly(key, required(key), supported));
  }

  /** Refuses any of these keys that is there with another value than the one given, as JSON. */
  void allow(Map<String, String> values) {
    values.forEach(
        (key, supported) -> {
          if (isGiven(key)) {
            requireOnly(key, root.path(key), supported);
          }
        });
  }

  private static void requireOnly(String key, JsonNode value, String supported) {
    if (!value.toString().equals(supported)) {
      throw lacking(key, shown(value), supported);
    }
  }

  private static UnsupportedModelException lacking(String key, String value, String supported) {
    return new UnsupportedModelException(
        "config.json asks for %s %s, which this engine lacks; it has %s."
            .formatted(key, value, supported));
  }

  /** That the key's value asks for what the engine lacks. */
  UnsupportedModelException lacks(String key, String supported) {
    return lacking(key, shown(root.path(key)), supported);
  }

  private JsonNode required(String key) {
    if (!isGiven(key)) {
      throw new UnsupportedModelException(
          "config.json has no value for %s, which a %s model needs.".formatted(key, family));
    }
    return root.path(key);
  }

  int integer(String key, int low, int high) {
    return integer(key, required(key), low, high);
  }

  int integerOr(String key, int fallback, int low, int high) {
    JsonNode value = isGiven(key) ? root.path(key) : JsonNodeFactory.instance.numberNode(fallback);
    return integer(key, value, low, high);
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
    return root.path(key).isString() ? Optional.of(root.path(key).stringValue()) : Optional.empty();
  }

  /** The integers of an array. */
  List<Integer> integers(String key, int low, int high) {
    if (!required(key).isArray()) {
      throw bad(key, "an array of integers");
    }
    List<Integer> integers = new ArrayList<>();
    for (JsonNode each : root.path(key).values()) {
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
   */
  TokenIds ids(int vocabulary, OptionalInt mask) {
    List<Integer> eos =
        root.path("eos_token_id").isArray()
            ? integers("eos_token_id", 0, vocabulary - 1)
            : isGiven("eos_token_id")
                ? List.of(integer("eos_token_id", 0, vocabulary - 1))
                : List.of();
    OptionalInt pad =
        isGiven("pad_token_id")
            ? OptionalInt.of(integer("pad_token_id", 0, vocabulary - 1))
            : OptionalInt.empty();
    return new TokenIds(mask, eos, pad);
  }

  UnsupportedModelException bad(String key, String needed) {
    return bad(key, needed, shown(root.path(key)));
  }

  private static UnsupportedModelException bad(String key, String needed, String value) {
    return new UnsupportedModelException(
        "config.json has %s %s; %s is needed.".formatted(key, value, needed));
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
