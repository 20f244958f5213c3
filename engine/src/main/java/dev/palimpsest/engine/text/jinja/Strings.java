package dev.palimpsest.engine.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The methods of Python's strings that templates use. */
final class Strings {
  private static final Pattern PERCENT = Pattern.compile("%(?:%|([sdrf]))");
  private static final Pattern BRACES = Pattern.compile("\\{\\{|}}|\\{([A-Za-z0-9_]*)}");

  private Strings() {}

  /** A method of a text, if it has one of that name. */
  static Optional<Values.Callable> method(String text, String name) {
    Values.Callable method =
        switch (name) {
          case "startswith" -> (given, _) -> any(text::startsWith, name, given);
          case "endswith" -> (given, _) -> any(text::endsWith, name, given);
          case "strip" -> (given, _) -> strip(text, characters(name, given), true, true);
          case "lstrip" -> (given, _) -> strip(text, characters(name, given), true, false);
          case "rstrip" -> (given, _) -> strip(text, characters(name, given), false, true);
          case "split" -> (given, named) -> split(text, given, named, false);
          case "rsplit" -> (given, named) -> split(text, given, named, true);
          case "splitlines" -> (_, _) -> lines(text);
          case "upper" -> (_, _) -> text.toUpperCase(Locale.ROOT);
          case "lower", "casefold" -> (_, _) -> text.toLowerCase(Locale.ROOT);
          case "capitalize" -> (_, _) -> capitalize(text);
          case "title" -> (_, _) -> title(text);
          case "replace" -> (given, _) -> replace(text, given);
          case "find" -> (given, _) -> (long) text.indexOf(string(name, given, 0));
          case "rfind" -> (given, _) -> (long) text.lastIndexOf(string(name, given, 0));
          case "index" -> (given, _) -> index(text, string(name, given, 0));
          case "count" -> (given, _) -> count(text, string(name, given, 0));
          case "join" -> (given, _) -> join(text, Values.items(argument(name, given, 0)));
          case "format" -> (given, named) -> format(text, given, named);
          case "removeprefix" ->
              (given, _) -> {
                String prefix = string(name, given, 0);
                return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
              };
          case "removesuffix" ->
              (given, _) -> {
                String suffix = string(name, given, 0);
                return text.endsWith(suffix)
                    ? text.substring(0, text.length() - suffix.length())
                    : text;
              };
          case "partition" -> (given, _) -> partition(text, string(name, given, 0));
          case "zfill" -> (given, _) -> zeros(text, (int) integer(name, argument(name, given, 0)));
          case "isdigit", "isnumeric", "isdecimal" -> (_, _) -> all(text, Character::isDigit);
          case "isalpha" -> (_, _) -> all(text, Character::isLetter);
          case "isalnum" -> (_, _) -> all(text, Character::isLetterOrDigit);
          case "isspace" -> (_, _) -> all(text, Strings::isSpace);
          case "isupper" ->
              (_, _) ->
                  text.equals(text.toUpperCase(Locale.ROOT))
                      && !text.equals(text.toLowerCase(Locale.ROOT));
          case "islower" ->
              (_, _) ->
                  text.equals(text.toLowerCase(Locale.ROOT))
                      && !text.equals(text.toUpperCase(Locale.ROOT));
          default -> null;
        };
    return Optional.ofNullable(method);
  }

  private static Object argument(String name, List<Object> given, int index) {
    if (given.size() <= index) {
      throw new JinjaException("\"%s\" needs more than %d values".formatted(name, given.size()));
    }
    return given.get(index);
  }

  private static String string(String name, List<Object> given, int index) {
    if (argument(name, given, index) instanceof String text) {
      return text;
    }
    throw new JinjaException(
        "\"%s\" takes a str, not a value of type %s"
            .formatted(name, Values.type(given.get(index))));
  }

  private static long integer(String name, Object value) {
    if (value instanceof Long number) {
      return number;
    }
    throw new JinjaException(
        "\"%s\" takes an int, not a value of type %s".formatted(name, Values.type(value)));
  }

  /** Tests one text, or each of a tuple. */
  private interface Fit {
    boolean fits(String part);
  }

  private static boolean any(Fit fit, String name, List<Object> given) {
    Object parts = argument(name, given, 0);
    List<Object> all = parts instanceof Values.Tuple tuple ? tuple.items() : List.of(parts);
    for (int index = 0; index < all.size(); index++) {
      if (fit.fits(string(name, all, index))) {
        return true;
      }
    }
    return false;
  }

  /** The characters to strip; empty for white space. */
  private static Optional<String> characters(String name, List<Object> given) {
    return given.isEmpty() || Values.isNone(given.getFirst())
        ? Optional.empty()
        : Optional.of(string(name, given, 0));
  }

  /** Strips white space, or any of the given characters, off the ends. */
  static String strip(String text, Optional<String> characters, boolean left, boolean right) {
    IntPredicate stripped =
        characters.<IntPredicate>map(each -> c -> each.indexOf(c) >= 0).orElse(Strings::isSpace);
    int start = 0;
    int end = text.length();
    while (left && start < end && stripped.test(text.charAt(start))) {
      start++;
    }
    while (right && end > start && stripped.test(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  private static boolean isSpace(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  private static boolean all(String text, IntPredicate test) {
    return !text.isEmpty() && text.codePoints().allMatch(test);
  }

  private static List<Object> split(
      String text, List<Object> given, Map<String, Object> named, boolean fromRight) {
    Object separator = given.isEmpty() ? named.getOrDefault("sep", Values.NONE) : given.get(0);
    Object most = given.size() > 1 ? given.get(1) : named.getOrDefault("maxsplit", -1L);
    long splits = integer("split", most);
    if (Values.isNone(separator)) {
      return words(text, splits, fromRight);
    }
    String between = string("split", List.of(separator), 0);
    if (between.isEmpty()) {
      throw new JinjaException("\"split\" takes a separator that is not empty");
    }
    List<Object> parts = new ArrayList<>();
    String rest = text;
    while (splits < 0 || parts.size() < splits) {
      int at = fromRight ? rest.lastIndexOf(between) : rest.indexOf(between);
      if (at < 0) {
        break;
      }
      if (fromRight) {
        parts.addFirst(rest.substring(at + between.length()));
        rest = rest.substring(0, at);
      } else {
        parts.add(rest.substring(0, at));
        rest = rest.substring(at + between.length());
      }
    }
    if (fromRight) {
      parts.addFirst(rest);
    } else {
      parts.add(rest);
    }
    return parts;
  }

  private static List<Object> words(String text, long splits, boolean fromRight) {
    List<Object> words = new ArrayList<>();
    String rest = strip(text, Optional.empty(), true, true);
    while (!rest.isEmpty()) {
      int at = fromRight ? rest.length() - 1 : 0;
      while (at >= 0 && at < rest.length() && !isSpace(rest.charAt(at))) {
        at += fromRight ? -1 : 1;
      }
      if (at < 0 || at == rest.length() || (splits >= 0 && words.size() == splits)) {
        add(words, rest, fromRight);
        return words;
      }
      add(words, fromRight ? rest.substring(at + 1) : rest.substring(0, at), fromRight);
      rest =
          fromRight
              ? strip(rest.substring(0, at), Optional.empty(), false, true)
              : strip(rest.substring(at), Optional.empty(), true, false);
    }
    return words;
  }

  private static void add(List<Object> words, String word, boolean first) {
    if (first) {
      words.addFirst(word);
    } else {
      words.add(word);
    }
  }

  private static List<Object> lines(String text) {
    List<Object> lines = new ArrayList<>(text.lines().toList());
    return lines;
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.offsetByCodePoints(0, 1);
    return text.substring(0, first).toUpperCase(Locale.ROOT)
        + text.substring(first).toLowerCase(Locale.ROOT);
  }

  static String title(String text) {
    StringBuilder title = new StringBuilder();
    boolean inWord = false;
    for (int index = 0; index < text.length(); index++) {
      char c = text.charAt(index);
      title.append(inWord ? Character.toLowerCase(c) : Character.toUpperCase(c));
      inWord = Character.isLetter(c);
    }
    return title.toString();
  }

  /** {@code replace(old, new[, count])}. */
  static String replace(String text, List<Object> given) {
    String old = string("replace", given, 0);
    String other = string("replace", given, 1);
    long most = given.size() > 2 ? integer("replace", given.get(2)) : -1;
    if (most < 0) {
      return text.replace(old, other);
    }
    StringBuilder replaced = new StringBuilder();
    int from = 0;
    for (long count = 0; count < most && !old.isEmpty(); count++) {
      int at = text.indexOf(old, from);
      if (at < 0) {
        break;
      }
      replaced.append(text, from, at).append(other);
      from = at + old.length();
    }
    return replaced.append(text.substring(from)).toString();
  }

  private static Object index(String text, String part) {
    int at = text.indexOf(part);
    if (at < 0) {
      throw new JinjaException("\"index\" finds no \"" + part + "\"");
    }
    return (long) at;
  }

  private static Object count(String text, String part) {
    if (part.isEmpty()) {
      return text.length() + 1L;
    }
    long count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }

  private static String join(String separator, List<Object> items) {
    List<String> parts = new ArrayList<>();
    for (int index = 0; index < items.size(); index++) {
      parts.add(string("join", items, index));
    }
    return String.join(separator, parts);
  }

  private static Object partition(String text, String separator) {
    int at = text.indexOf(separator);
    return new Values.Tuple(
        at < 0
            ? List.of(text, "", "")
            : List.of(text.substring(0, at), separator, text.substring(at + separator.length())));
  }

  private static String zeros(String text, int width) {
    boolean signed = text.startsWith("-") || text.startsWith("+");
    String digits = signed ? text.substring(1) : text;
    int missing = Math.clamp(width - text.length(), 0, 1000);
    return (signed ? text.substring(0, 1) : "") + "0".repeat(missing) + digits;
  }

  /** {@code "{} {0} {name}".format(…)}, without widths and conversions. */
  private static String format(String text, List<Object> given, Map<String, Object> named) {
    Matcher braces = BRACES.matcher(text);
    StringBuilder formatted = new StringBuilder();
    int next = 0;
    while (braces.find()) {
      String field = braces.group(1);
      String value;
      if (field == null) {
        value = braces.group().substring(0, 1);
      } else if (field.isEmpty()) {
        value = Values.text(argument("format", given, next));
        next++;
      } else if (field.matches("[0-9]{1,4}")) {
        value = Values.text(argument("format", given, Integer.parseInt(field)));
      } else if (named.containsKey(field)) {
        value = Values.text(named.getOrDefault(field, ""));
      } else {
        throw new JinjaException("\"format\" is given no " + field);
      }
      braces.appendReplacement(formatted, Matcher.quoteReplacement(value));
    }
    return braces.appendTail(formatted).toString();
  }

  /** {@code "%s" % value}, without widths. */
  static String percent(String text, Object value) {
    List<Object> values = value instanceof Values.Tuple tuple ? tuple.items() : List.of(value);
    Matcher percent = PERCENT.matcher(text);
    StringBuilder formatted = new StringBuilder();
    int next = 0;
    while (percent.find()) {
      String shown = "%";
      if (percent.group(1) != null) {
        Object each = argument("%", values, next);
        next++;
        shown =
            switch (percent.group(1)) {
              case "d" -> String.valueOf(integer("%d", each));
              case "f" -> decimal(each);
              default -> Values.text(each);
            };
      }
      percent.appendReplacement(formatted, Matcher.quoteReplacement(shown));
    }
    if (next < values.size() && !(value instanceof Map<?, ?>)) {
      throw new JinjaException("\"%\" is given more values than the text takes");
    }
    return percent.appendTail(formatted).toString();
  }

  private static String decimal(Object value) {
    if (value instanceof Number number) {
      double decimal = number.doubleValue();
      return String.format(Locale.ROOT, "%.6f", decimal);
    }
    throw new JinjaException("\"%f\" takes a number, not a value of type " + Values.type(value));
  }
}
