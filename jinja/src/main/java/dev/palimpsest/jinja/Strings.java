package dev.palimpsest.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;

/** The methods of Python's strings. */
final class Strings {
  private static final int WIDEST = 100_000;

  private Strings() {}

  /** A method: from a text and its arguments to a value. */
  private interface Body {
    Object of(BoundArguments given);
  }

  /** A method of a text, if it has one of that name. */
  static Optional<Values.Callable> method(String text, String name) {
    Values.Callable method =
        switch (name) {
          case "startswith" -> method(name, "/ prefix start? end?", g -> fits(text, g, true));
          case "endswith" -> method(name, "/ prefix start? end?", g -> fits(text, g, false));
          case "strip" -> method(name, "/ chars?", g -> strip(text, chars(g), true, true));
          case "lstrip" -> method(name, "/ chars?", g -> strip(text, chars(g), true, false));
          case "rstrip" -> method(name, "/ chars?", g -> strip(text, chars(g), false, true));
          case "split" -> method(name, "sep? maxsplit?", g -> split(text, g, false));
          case "rsplit" -> method(name, "sep? maxsplit?", g -> split(text, g, true));
          case "splitlines" ->
              method(name, "keepends?", g -> Characters.lines(text, g.flag("keepends")));
          case "upper" -> method(name, "", _ -> Characters.upper(text));
          case "lower" -> method(name, "", _ -> Characters.lower(text));
          case "casefold" -> method(name, "", _ -> Characters.caseFolded(text));
          case "swapcase" -> method(name, "", _ -> swapped(text));
          case "capitalize" -> method(name, "", _ -> Characters.capitalized(text));
          case "title" -> method(name, "", _ -> Characters.title(text));
          case "replace" ->
              method(
                  name,
                  "/ old new count?",
                  g -> replace(text, g.string("old"), g.string("new"), g.whole("count", -1)));
          case "find" -> method(name, "/ sub start? end?", g -> find(text, g, false));
          case "rfind" -> method(name, "/ sub start? end?", g -> find(text, g, true));
          case "index" -> method(name, "/ sub start? end?", g -> found(name, find(text, g, false)));
          case "rindex" -> method(name, "/ sub start? end?", g -> found(name, find(text, g, true)));
          case "count" -> method(name, "/ sub start? end?", g -> count(text, g));
          case "join" -> method(name, "/ iterable", g -> join(text, g));
          case "format" -> (given, named) -> Formats.braces(text, given, named, Attributes::lookup);
          case "format_map" ->
              method(
                  name,
                  "/ mapping",
                  g ->
                      Formats.braces(text, List.of(), named(g.get("mapping")), Attributes::lookup));
          case "removeprefix" ->
              method(
                  name,
                  "/ prefix",
                  g ->
                      text.startsWith(g.string("prefix"))
                          ? text.substring(g.string("prefix").length())
                          : text);
          case "removesuffix" ->
              method(
                  name,
                  "/ suffix",
                  g ->
                      text.endsWith(g.string("suffix"))
                          ? text.substring(0, text.length() - g.string("suffix").length())
                          : text);
          case "partition" ->
              method(name, "/ sep", g -> partition(text, separator(g, "sep"), false));
          case "rpartition" ->
              method(name, "/ sep", g -> partition(text, separator(g, "sep"), true));
          case "zfill" -> method(name, "/ width", g -> zeros(text, g.whole("width", 0)));
          case "center", "ljust", "rjust" ->
              method(name, "/ width fillchar?", g -> placed(name, text, g));
          case "expandtabs" -> method(name, "tabsize?", g -> expanded(text, g.whole("tabsize", 8)));
          case "isdigit" -> all(name, text, Characters::isDigit);
          case "isdecimal" -> all(name, text, Character::isDigit);
          case "isnumeric" -> all(name, text, Characters::isNumeric);
          case "isalpha" -> all(name, text, Character::isLetter);
          case "isalnum" -> all(name, text, Characters::isAlphanumeric);
          case "isspace" -> all(name, text, Characters::isSpace);
          case "isascii" -> method(name, "", _ -> text.chars().allMatch(c -> c < 0x80));
          case "isprintable" ->
              method(name, "", _ -> text.codePoints().allMatch(Characters::isPrintable));
          case "isidentifier" ->
              method(
                  name,
                  "",
                  _ ->
                      !text.isEmpty()
                          && text.matches("[\\p{L}\\p{Nl}_][\\p{L}\\p{Nl}_\\p{M}\\p{N}]*"));
          case "isupper" -> method(name, "", _ -> isUpper(text));
          case "islower" -> method(name, "", _ -> isLower(text));
          case "istitle" ->
              method(
                  name,
                  "",
                  _ ->
                      text.codePoints().anyMatch(Characters::isCased)
                          && text.equals(Characters.title(text)));
          case "encode", "translate", "maketrans" ->
              (_, _) -> {
                throw new JinjaException("the method \"" + name + "\" is not known");
              };
          default -> null;
        };
    return Optional.ofNullable(method);
  }

  private static Values.Callable method(String name, String parameters, Body body) {
    return (given, named) -> body.of(BoundArguments.bind(name, parameters, given, named));
  }

  private static Values.Callable all(String name, String text, IntPredicate test) {
    return method(name, "", _ -> Characters.all(text, test));
  }

  private static Map<String, Object> named(Object mapping) {
    Map<String, Object> named = new LinkedHashMap<>();
    Values.entries(Filters.map("format_map", mapping))
        .forEach(each -> named.put(Values.text(Values.item(each, 0L)), Values.item(each, 1L)));
    return named;
  }

  static boolean isUpper(String text) {
    return text.codePoints().anyMatch(Character::isUpperCase)
        && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
  }

  static boolean isLower(String text) {
    return text.codePoints().anyMatch(Character::isLowerCase)
        && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
  }

  /** A part of a text, and the code points before it. */
  private record Part(String text, long before, boolean exists) {
    /** Between the bounds that a method is given, which count as those of a slice. */
    static Part of(String text, BoundArguments given) {
      long size = Characters.length(text);
      long start = bound(given, "start", 0, size);
      long end = bound(given, "end", size, size);
      if (start > size || start > end) {
        return new Part("", start, false);
      }
      int from = text.offsetByCodePoints(0, (int) start);
      return new Part(
          text.substring(from, text.offsetByCodePoints(from, (int) (end - start))), start, true);
    }

    private static long bound(BoundArguments given, String name, long otherwise, long size) {
      long bound = given.some(name).map(given::bound).orElse(otherwise);
      return bound < 0
          ? Math.max(0, bound + size)
          : name.equals("end") ? Math.min(bound, size) : bound;
    }
  }

  private static boolean fits(String text, BoundArguments given, boolean begins) {
    Part part = Part.of(text, given);
    Object parts = given.get("prefix");
    for (Object each : parts instanceof Values.Tuple tuple ? tuple.items() : List.of(parts)) {
      String wanted = given.string(each);
      if (part.exists()
          && (begins ? part.text().startsWith(wanted) : part.text().endsWith(wanted))) {
        return true;
      }
    }
    return false;
  }

  private static Object find(String text, BoundArguments given, boolean last) {
    Part part = Part.of(text, given);
    String sub = given.string("sub");
    int at = !part.exists() ? -1 : last ? part.text().lastIndexOf(sub) : part.text().indexOf(sub);
    return at < 0 ? -1L : part.before() + part.text().codePointCount(0, at);
  }

  private static Object found(String name, Object at) {
    if (at.equals(-1L)) {
      throw new JinjaException("\"" + name + "\" finds nothing");
    }
    return at;
  }

  private static Object count(String text, BoundArguments given) {
    Part part = Part.of(text, given);
    String sub = given.string("sub");
    if (!part.exists()) {
      return 0L;
    }
    if (sub.isEmpty()) {
      return Characters.length(part.text()) + 1;
    }
    long count = 0;
    for (int at = part.text().indexOf(sub);
        at >= 0;
        at = part.text().indexOf(sub, at + sub.length())) {
      count++;
    }
    return count;
  }

  private static Optional<String> chars(BoundArguments given) {
    return given.someString("chars");
  }

  /** Strips white space off both ends. */
  static String strip(String text) {
    return strip(text, Optional.empty(), true, true);
  }

  /** Strips white space, or any of the given characters, off the ends. */
  static String strip(String text, Optional<String> characters, boolean left, boolean right) {
    IntPredicate stripped =
        characters.<IntPredicate>map(each -> c -> each.indexOf(c) >= 0).orElse(Characters::isSpace);
    int start = 0;
    int end = text.length();
    while (left && start < end && stripped.test(text.codePointAt(start))) {
      start += Character.charCount(text.codePointAt(start));
    }
    while (right && end > start && stripped.test(text.codePointBefore(end))) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return text.substring(start, end);
  }

  private static String separator(BoundArguments given, String name) {
    String separator = given.string(name);
    if (separator.isEmpty()) {
      throw new JinjaException("a separator is empty");
    }
    return separator;
  }

  private static List<Object> split(String text, BoundArguments given, boolean fromRight) {
    long splits = given.whole("maxsplit", -1);
    if (given.some("sep").isEmpty()) {
      return words(text, splits, fromRight);
    }
    return split(text, separator(given, "sep"), splits, fromRight);
  }

  static List<Object> split(String text, String between, long splits, boolean fromRight) {
    List<Object> parts = new ArrayList<>();
    String rest = text;
    while (splits < 0 || parts.size() < splits) {
      int at = fromRight ? rest.lastIndexOf(between) : rest.indexOf(between);
      if (at < 0) {
        break;
      }
      String after = rest.substring(at + between.length());
      add(parts, fromRight ? after : rest.substring(0, at), fromRight);
      rest = fromRight ? rest.substring(0, at) : after;
    }
    add(parts, rest, fromRight);
    return parts;
  }

  private static List<Object> words(String text, long splits, boolean fromRight) {
    List<Object> words = new ArrayList<>();
    String rest = strip(text, Optional.empty(), !fromRight, fromRight);
    while (!rest.isEmpty()) {
      int at = fromRight ? rest.length() - 1 : 0;
      while (at >= 0 && at < rest.length() && !Characters.isSpace(rest.charAt(at))) {
        at += fromRight ? -1 : 1;
      }
      if (splits >= 0 && words.size() == splits) {
        add(words, rest, fromRight);
        return words;
      }
      if (at < 0 || at == rest.length()) {
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

  /** The first {@code most} of {@code old} replaced; all if it is below 0. */
  static String replace(String text, String old, String other, long most) {
    if (most < 0) {
      return old.isEmpty() ? between(text, other, Long.MAX_VALUE) : text.replace(old, other);
    }
    if (old.isEmpty()) {
      return between(text, other, most);
    }
    StringBuilder replaced = new StringBuilder();
    int from = 0;
    for (long count = 0; count < most; count++) {
      int at = text.indexOf(old, from);
      if (at < 0) {
        break;
      }
      replaced.append(text, from, at).append(other);
      from = at + old.length();
    }
    return replaced.append(text.substring(from)).toString();
  }

  /** With {@code other} before each character and at the end. */
  private static String between(String text, String other, long most) {
    StringBuilder out = new StringBuilder();
    long left = most;
    for (int c : text.codePoints().toArray()) {
      if (left > 0) {
        out.append(other);
        left--;
      }
      out.appendCodePoint(c);
    }
    return left > 0 ? out.append(other).toString() : out.toString();
  }

  private static String join(String separator, BoundArguments given) {
    List<String> parts = new ArrayList<>();
    Values.items(given.get("iterable")).forEach(each -> parts.add(given.string(each)));
    return String.join(separator, parts);
  }

  private static Object partition(String text, String separator, boolean last) {
    int at = last ? text.lastIndexOf(separator) : text.indexOf(separator);
    if (at < 0) {
      return new Values.Tuple(last ? List.of("", "", text) : List.of(text, "", ""));
    }
    return new Values.Tuple(
        List.of(text.substring(0, at), separator, text.substring(at + separator.length())));
  }

  private static int missing(String text, long width) {
    if (width > WIDEST) {
      throw new JinjaException("a text becomes wider than " + WIDEST);
    }
    return (int) Math.max(0, width - Characters.length(text));
  }

  private static String zeros(String text, long width) {
    boolean signed = text.startsWith("-") || text.startsWith("+");
    String digits = signed ? text.substring(1) : text;
    return (signed ? text.substring(0, 1) : "") + "0".repeat(missing(text, width)) + digits;
  }

  private static String placed(String name, String text, BoundArguments given) {
    String fill = given.find("fillchar").map(given::string).orElse(" ");
    if (Characters.length(fill) != 1) {
      throw new JinjaException("\"" + name + "\" fills with one character");
    }
    long width = given.whole("width", 0);
    int missing = missing(text, width);
    int before =
        switch (name) {
          case "ljust" -> 0;
          case "rjust" -> missing;
          default -> centered(missing, width);
        };
    return fill.repeat(before) + text + fill.repeat(missing - before);
  }

  /** CPython puts the odd one to the left where the width is odd. */
  private static int centered(int missing, long width) {
    return missing / 2 + (int) (missing & width & 1);
  }

  static String centered(String text, long width) {
    int missing = missing(text, width);
    int before = centered(missing, width);
    return " ".repeat(before) + text + " ".repeat(missing - before);
  }

  private static String expanded(String text, long size) {
    StringBuilder out = new StringBuilder();
    long column = 0;
    for (int c : text.codePoints().toArray()) {
      if (c == '\t') {
        int spaces = size <= 0 ? 0 : missing("", size - column % size);
        out.repeat(' ', spaces);
        column += spaces;
      } else {
        out.appendCodePoint(c);
        column = c == '\n' || c == '\r' ? 0 : column + 1;
      }
    }
    return out.toString();
  }

  private static String swapped(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(
            c ->
                out.append(
                    Character.isUpperCase(c)
                        ? Characters.lower(Character.toString(c))
                        : Character.isLowerCase(c)
                            ? Characters.upper(Character.toString(c))
                            : Character.toString(c)));
    return out.toString();
  }
}
