package dev.palimpsest.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * JSON as Python's {@code json.dumps} writes it.
 *
 * @param ascii whether what is not ASCII is escaped
 * @param indent of one level; empty for one line
 * @param separator between items
 * @param colon between a key and its value
 * @param sorted whether keys are in order
 */
record Json(
    boolean ascii, Optional<String> indent, String separator, String colon, boolean sorted) {

  String write(Object value) {
    StringBuilder json = new StringBuilder();
    write(json, value, 0);
    return json.toString();
  }

  private void write(StringBuilder json, Object value, int depth) {
    switch (value) {
      case String text -> string(json, text);
      case Boolean flag -> json.append(flag);
      case Long number -> json.append(number);
      case BigInteger number -> json.append(number);
      case Double number -> json.append(shown(number));
      case List<?> list -> list(json, list, depth);
      case Values.Tuple tuple -> list(json, tuple.items(), depth);
      case Map<?, ?> map -> map(json, map, depth);
      default -> {
        if (!Values.isNone(value)) {
          throw new JinjaException("a value of type " + Values.type(value) + " is no JSON");
        }
        json.append("null");
      }
    }
  }

  private void map(StringBuilder json, Map<?, ?> map, int depth) {
    List<Object> entries = new ArrayList<>(Values.entries(map));
    if (sorted) {
      entries.sort((a, b) -> Values.order(Values.item(a, 0L), Values.item(b, 0L)));
    }
    json.append('{');
    for (int index = 0; index < entries.size(); index++) {
      separate(json, index, depth + 1);
      string(json, key(Values.item(entries.get(index), 0L)));
      json.append(colon);
      write(json, Values.item(entries.get(index), 1L), depth + 1);
    }
    close(json, entries.size(), depth, '}');
  }

  private static String key(Object key) {
    return switch (key) {
      case String text -> text;
      case Boolean flag -> flag.toString();
      case Long number -> number.toString();
      case BigInteger number -> number.toString();
      case Double number -> shown(number);
      default -> {
        if (!Values.isNone(key)) {
          throw new JinjaException("a value of type " + Values.type(key) + " is no key of JSON");
        }
        yield "null";
      }
    };
  }

  private static String shown(double number) {
    return Double.isNaN(number)
        ? "NaN"
        : Double.isInfinite(number)
            ? (number > 0 ? "Infinity" : "-Infinity")
            : Numbers.shown(number);
  }

  private void list(StringBuilder json, List<?> list, int depth) {
    json.append('[');
    for (int index = 0; index < list.size(); index++) {
      separate(json, index, depth + 1);
      write(json, list.get(index), depth + 1);
    }
    close(json, list.size(), depth, ']');
  }

  private void separate(StringBuilder json, int index, int depth) {
    if (index > 0) {
      json.append(separator);
    }
    indent.ifPresent(each -> json.append('\n').append(each.repeat(depth)));
  }

  private void close(StringBuilder json, int items, int depth, char bracket) {
    if (items > 0) {
      indent.ifPresent(each -> json.append('\n').append(each.repeat(depth)));
    }
    json.append(bracket);
  }

  private void string(StringBuilder json, String text) {
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
          if (c < ' ' || (ascii && c > '~')) {
            json.append("\\u%04x".formatted((int) c));
          } else {
            json.append(c);
          }
        }
      }
    }
    json.append('"');
  }
}
