package dev.palimpsest.app.openai;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The fields of a JSON object, read one by one: a field of the wrong type is refused, and so is one
 * that nobody has read in the end. A null stands for a field that is not there.
 */
public final class Fields {
  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private final ObjectNode json;
  private final String of;
  private final String path;
  private final Set<String> known = new LinkedHashSet<>();

  private Fields(ObjectNode json, String of, String path) {
    this.json = json;
    this.of = of;
    this.path = path;
  }

  /**
   * The fields of a body.
   *
   * @param of what the body is of, for messages
   * @throws RequestException if it is not UTF-8, not JSON or no object
   */
  public static Fields parse(byte[] body, String of) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
      return of(MAPPER.readTree(text), of);
    } catch (CharacterCodingException _) {
      throw RequestException.malformed("The body is not UTF-8.");
    } catch (JacksonException e) {
      throw RequestException.malformed("The body is not JSON: " + e.getOriginalMessage() + ".");
    }
  }

  /**
   * The fields of a value.
   *
   * @throws RequestException if it is no object
   */
  public static Fields of(JsonNode value, String of) {
    if (value instanceof ObjectNode object) {
      return new Fields(object, of, "");
    }
    throw RequestException.malformed("The body of " + of + " is no JSON object.");
  }

  /** The value of a field, if it is there. */
  public Optional<JsonNode> value(String name) {
    known.add(name);
    return Optional.ofNullable(json.get(name)).filter(value -> !value.isNull());
  }

  /** A string. */
  public Optional<String> text(String name) {
    return value(name)
        .map(
            value -> {
              if (!value.isString()) {
                throw wrong(name, value, "a string");
              }
              return value.stringValue();
            });
  }

  /** True or false; false if it is not there. */
  public boolean flag(String name) {
    return flag(name, false);
  }

  /** True or false. */
  public boolean flag(String name, boolean otherwise) {
    return value(name)
        .map(
            value -> {
              if (!value.isBoolean()) {
                throw wrong(name, value, "true or false");
              }
              return value.booleanValue();
            })
        .orElse(otherwise);
  }

  /** A whole number within bounds. */
  public OptionalInt integer(String name, int least, int most) {
    return value(name)
        .map(
            value -> {
              if (!value.isInt() || value.intValue() < least || value.intValue() > most) {
                throw wrong(
                    name,
                    value,
                    most == Integer.MAX_VALUE
                        ? "a whole number of " + least + " or above"
                        : "a whole number from " + least + " to " + most);
              }
              return OptionalInt.of(value.intValue());
            })
        .orElse(OptionalInt.empty());
  }

  /** A list; empty if it is not there. */
  public List<JsonNode> list(String name) {
    return value(name)
        .map(
            value -> {
              if (!value.isArray()) {
                throw wrong(name, value, "a list");
              }
              return List.copyOf(value.values());
            })
        .orElse(List.of());
  }

  /** An object's fields. */
  public Optional<Fields> object(String name) {
    return value(name).map(value -> object(value, path + name));
  }

  /** The fields of every object in a list. */
  public List<Fields> objects(String name) {
    List<Fields> all = new ArrayList<>();
    for (JsonNode each : list(name)) {
      all.add(object(each, path + name + "[" + all.size() + "]"));
    }
    return all;
  }

  private Fields object(JsonNode value, String itsPath) {
    if (value instanceof ObjectNode object) {
      return new Fields(object, of, itsPath + ".");
    }
    throw RequestException.wrong(itsPath, "%s is no object.".formatted(itsPath));
  }

  /** The token ids of a list. */
  public int[] ids(String name) {
    return ids(list(name), path + name);
  }

  static int[] ids(List<JsonNode> list, String name) {
    int[] ids = new int[list.size()];
    for (int index = 0; index < ids.length; index++) {
      JsonNode id = list.get(index);
      if (!id.isInt() || id.intValue() < 0) {
        throw RequestException.wrong(
            name,
            "%s[%d] %s is no token id: use whole numbers of 0 or above."
                .formatted(name, index, shown(id)));
      }
      ids[index] = id.intValue();
    }
    return ids;
  }

  /** An error that names a field, its value and what would be right. */
  public RequestException wrong(String name, JsonNode value, String right) {
    return RequestException.wrong(
        path + name, "%s%s %s is invalid: use %s.".formatted(path, name, shown(value), right));
  }

  /** Where the object is, for messages. */
  public String path(String name) {
    return path + name;
  }

  /** Every field that is there, by its name. */
  public Set<String> names() {
    return new LinkedHashSet<>(json.propertyNames());
  }

  /**
   * Call when everything is read.
   *
   * @throws RequestException if a field is left over
   */
  public void requireAllKnown() {
    for (String name : json.propertyNames()) {
      if (!known.contains(name)) {
        throw new RequestException(
            400,
            "invalid_request_error",
            "%s%s is no parameter of %s.".formatted(path, cut(name), of),
            Optional.of(path + cut(name)),
            Optional.of("unknown_parameter"));
      }
    }
  }

  private static String shown(JsonNode value) {
    return cut(value.toString());
  }

  private static String cut(String text) {
    int longest = 80;
    return text.length() <= longest ? text : text.substring(0, longest) + "…";
  }
}
