package dev.palimpsest.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Python's two ways to format: {@code "%5.2f" % value} and {@code "{:>5}".format(value)}. */
final class Formats {
  private static final int WIDEST = 100_000;
  private static final Pattern PERCENT =
      Pattern.compile(
          "%(?:\\(([^)]*)\\))?([-+ #0]*)(\\*|\\d+)?(?:\\.(\\*|\\d*))?[hlL]?(.)?", Pattern.DOTALL);
  private static final Pattern SPECIFICATION =
      Pattern.compile(
          "(?:(.)?([<>=^]))?([-+ ])?(z)?(#)?(0)?(\\d+)?([_,])?(?:\\.(\\d+))?([a-zA-Z%])?",
          Pattern.DOTALL);

  private Formats() {}

  /** A format specification, as {@code >5.2f}. */
  private record Layout(
      String fill,
      char align,
      char sign,
      boolean alternate,
      int width,
      char grouping,
      Optional<Integer> precision) {}

  /** {@code "%s" % value}. */
  static String percent(String text, Object value) {
    Places rest = new Places(value instanceof Values.Tuple tuple ? tuple.items() : List.of(value));
    StringBuilder formatted = new StringBuilder();
    Matcher field = PERCENT.matcher(text);
    int from = 0;
    while (from < text.length() && field.find(from)) {
      formatted.append(text, from, field.start());
      from = field.end();
      if (field.group(5) == null) {
        throw new JinjaException("\"%\" ends a format that goes on");
      }
      char type = field.group(5).charAt(0);
      if (type == '%') {
        formatted.append('%');
        continue;
      }
      formatted.append(percentField(field, type, value, rest));
    }
    boolean mayStay =
        value instanceof Map<?, ?>
            || value instanceof List<?>
            || value instanceof Values.Range
            || value instanceof Values.Undefined;
    if (!rest.isEmpty() && !mayStay) {
      throw new JinjaException("\"%\" is given more values than the text takes");
    }
    return formatted.append(text.substring(from)).toString();
  }

  /** The values that no field has taken yet. */
  private static final class Places {
    private final List<Object> values;
    private int taken;

    Places(List<Object> values) {
      this.values = values;
    }

    Object next() {
      if (taken == values.size()) {
        throw new JinjaException("\"%\" needs more values");
      }
      return values.get(taken++);
    }

    boolean isEmpty() {
      return taken == values.size();
    }
  }

  private static String percentField(Matcher field, char type, Object value, Places rest) {
    Optional<Object> keyed = Optional.empty();
    if (field.group(1) != null) {
      if (!(value instanceof Map<?, ?> map)) {
        throw new JinjaException("\"%(" + field.group(1) + ")\" takes a dict");
      }
      keyed =
          Optional.of(
              Values.find(map, field.group(1))
                  .orElseThrow(() -> new JinjaException("\"%\" is given no " + field.group(1))));
    }
    String flags = field.group(2);
    int width = field.group(3) == null ? 0 : count(field.group(3), rest);
    boolean left = flags.contains("-") || width < 0;
    Optional<Integer> precision =
        Optional.ofNullable(field.group(4)).map(each -> each.isEmpty() ? 0 : count(each, rest));
    Object each = keyed.isPresent() ? keyed.get() : rest.next();
    boolean number = "diuoxXeEfFgG".indexOf(type) >= 0;
    boolean zeros = flags.contains("0") && !left && number;
    Layout layout =
        new Layout(
            zeros ? "0" : " ",
            left ? '<' : zeros ? '=' : '>',
            flags.contains("+") ? '+' : flags.contains(" ") ? ' ' : '-',
            flags.contains("#"),
            width(Math.abs(width)),
            ' ',
            precision);
    return switch (type) {
      case 's' -> placed(cut(Values.text(each), precision), layout);
      case 'r' -> placed(cut(Values.repr(each), precision), layout);
      case 'a' -> placed(cut(ascii(Values.repr(each)), precision), layout);
      case 'c' ->
          placed(
              each instanceof String text && Characters.length(text) == 1
                  ? text
                  : character(whole("%c", each)),
              layout);
      case 'd', 'i', 'u' -> {
        BigInteger whole = truncated("%" + type, each);
        yield placedNumber(
            whole.signum() < 0, "", digits(whole.abs().toString(), precision), layout);
      }
      case 'o', 'x', 'X' -> {
        BigInteger whole = whole("%" + type, each);
        String shown = whole.abs().toString(type == 'o' ? 8 : 16);
        String prefix = !layout.alternate() ? "" : "0" + type;
        shown = digits(shown, precision);
        yield placedNumber(
            whole.signum() < 0,
            prefix,
            type == 'X' ? shown.toUpperCase(Locale.ROOT) : shown,
            layout);
      }
      case 'e', 'E', 'f', 'F', 'g', 'G' ->
          decimal(Numbers.decimal(numeric("%" + type, each)), type, layout);
      default -> throw new JinjaException("\"%" + type + "\" is no format");
    };
  }

  private static int count(String text, Places rest) {
    if (!text.equals("*")) {
      return (int) Math.min(WIDEST + 1L, Long.parseLong(text.length() > 9 ? "999999999" : text));
    }
    return few(whole("*", rest.next()));
  }

  private static int few(BigInteger count) {
    return count.bitLength() > 31 ? WIDEST + 1 : count.intValue();
  }

  private static int width(int width) {
    if (width > WIDEST) {
      throw new JinjaException("a format is wider than " + WIDEST);
    }
    return width;
  }

  private static String digits(String digits, Optional<Integer> least) {
    return "0".repeat(Math.max(0, width(least.orElse(0)) - digits.length())) + digits;
  }

  private static String ascii(String text) {
    StringBuilder ascii = new StringBuilder();
    text.codePoints()
        .forEach(c -> ascii.append(c < 0x7f ? Character.toString(c) : Characters.escape(c)));
    return ascii.toString();
  }

  private static Object numeric(String format, Object value) {
    return Numbers.number(value)
        .orElseThrow(
            () ->
                new JinjaException(
                    "\"%s\" takes a number, not a value of type %s"
                        .formatted(format, Values.type(value))));
  }

  private static BigInteger whole(String format, Object value) {
    Object number = numeric(format, value);
    if (!Numbers.isWhole(number)) {
      throw new JinjaException("\"%s\" takes an int, not a float".formatted(format));
    }
    return Numbers.big(number);
  }

  private static BigInteger truncated(String format, Object value) {
    Object number = numeric(format, value);
    if (number instanceof Double decimal && (decimal.isNaN() || decimal.isInfinite())) {
      throw new JinjaException("\"%s\" takes a finite number".formatted(format));
    }
    return Numbers.exact(number).toBigInteger();
  }

  private static String character(BigInteger point) {
    if (point.bitLength() > 31 || !Character.isValidCodePoint(point.intValue())) {
      throw new JinjaException(point + " is no code point");
    }
    return Character.toString(point.intValue());
  }

  private static String cut(String text, Optional<Integer> precision) {
    return precision.isPresent() && precision.get() < Characters.length(text)
        ? text.substring(0, text.offsetByCodePoints(0, precision.get()))
        : text;
  }

  private static String placed(String text, Layout layout) {
    int missing = (int) Math.max(0, layout.width() - Characters.length(text));
    int before =
        switch (layout.align()) {
          case '<' -> 0;
          case '^' -> missing / 2;
          default -> missing;
        };
    return layout.fill().repeat(before) + text + layout.fill().repeat(missing - before);
  }

  private static String placedNumber(
      boolean negative, String prefix, String digits, Layout layout) {
    String sign = negative ? "-" : layout.sign() == '-' ? "" : String.valueOf(layout.sign());
    String head = sign + prefix;
    if (layout.align() != '=') {
      return placed(head + grouped(digits, layout, 0), layout);
    }
    String shown =
        grouped(digits, layout, layout.fill().equals("0") ? layout.width() - head.length() : 0);
    int missing = Math.max(0, layout.width() - head.length() - shown.length());
    return head + layout.fill().repeat(missing) + shown;
  }

  /** Groups the digits before the point, with zeros before them up to a width. */
  private static String grouped(String number, Layout layout, int width) {
    if (layout.grouping() == ' ') {
      return number;
    }
    int group = layout.grouping() == '!' ? 4 : 3;
    char mark = layout.grouping() == ',' ? ',' : '_';
    int end = 0;
    while (end < number.length()
        && Character.digit(number.charAt(end), 16) >= 0
        && (group == 4 || Character.isDigit(number.charAt(end)))) {
      end++;
    }
    StringBuilder digits = new StringBuilder(number.substring(0, end));
    String tail = number.substring(end);
    StringBuilder shown = new StringBuilder(marked(digits, group, mark));
    while (shown.length() + tail.length() < width) {
      digits.insert(0, '0');
      shown = new StringBuilder(marked(digits, group, mark));
    }
    return shown + tail;
  }

  private static String marked(CharSequence digits, int group, char mark) {
    StringBuilder marked = new StringBuilder(digits);
    for (int at = digits.length() - group; at > 0; at -= group) {
      marked.insert(at, mark);
    }
    return marked.toString();
  }

  private static String decimal(double value, char type, Layout layout) {
    char small = Character.toLowerCase(type);
    boolean negative = value < 0 || (value == 0 && 1 / value < 0);
    String shown;
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      shown = Double.isNaN(value) ? "nan" : "inf";
      negative &= !Double.isNaN(value);
    } else {
      int precision = width(layout.precision().orElse(6));
      BigDecimal exact = new BigDecimal(Math.abs(value));
      shown =
          switch (small) {
            case 'f' -> fixed(exact, precision, layout.alternate());
            case 'e' -> scientific(exact, precision, layout.alternate());
            case '%' ->
                fixed(new BigDecimal(Math.abs(value) * 100), precision, layout.alternate()) + "%";
            default -> general(exact, Math.max(1, precision), layout.alternate());
          };
    }
    if (small == '%' && !shown.endsWith("%")) {
      shown += "%";
    }
    return placedNumber(
        negative, "", Character.isUpperCase(type) ? shown.toUpperCase(Locale.ROOT) : shown, layout);
  }

  private static String fixed(BigDecimal value, int precision, boolean point) {
    String shown = value.setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
    return point && precision == 0 ? shown + "." : shown;
  }

  private static String scientific(BigDecimal value, int precision, boolean point) {
    BigDecimal rounded = value.round(new MathContext(precision + 1, RoundingMode.HALF_EVEN));
    String digits = rounded.unscaledValue().toString();
    int exponent = value.signum() == 0 ? 0 : digits.length() - 1 - rounded.scale();
    digits = digits + "0".repeat(Math.max(0, precision + 1 - digits.length()));
    digits = digits.substring(0, precision + 1);
    return digits.charAt(0)
        + (precision > 0 ? "." + digits.substring(1) : point ? "." : "")
        + Numbers.exponent(exponent, 'e');
  }

  private static String general(BigDecimal value, int precision, boolean alternate) {
    BigDecimal rounded = value.round(new MathContext(precision, RoundingMode.HALF_EVEN));
    int exponent = value.signum() == 0 ? 0 : rounded.precision() - 1 - rounded.scale();
    boolean plain = exponent >= -4 && exponent < precision;
    String shown =
        plain
            ? fixed(value, Math.max(0, precision - 1 - exponent), alternate)
            : scientific(value, precision - 1, alternate);
    return alternate ? shown : withoutZeros(shown);
  }

  private static String withoutZeros(String shown) {
    return shown.replaceFirst("(\\.\\d*?)0+(?=e|$)", "$1").replaceFirst("\\.(?=e|$)", "");
  }

  /** {@code format(value, specification)}. */
  static String format(Object value, String specification) {
    if (specification.isEmpty()) {
      return Values.text(value);
    }
    Matcher given = SPECIFICATION.matcher(specification);
    boolean text = value instanceof String;
    Optional<Object> number = Numbers.number(value);
    if ((!text && number.isEmpty()) || !given.matches()) {
      throw new JinjaException(
          "\"%s\" is no format of a value of type %s".formatted(specification, Values.type(value)));
    }
    boolean zeros = given.group(6) != null;
    String type = given.group(10) == null ? "" : given.group(10);
    char align = given.group(2) != null ? given.group(2).charAt(0) : text ? '<' : zeros ? '=' : '>';
    Layout layout =
        new Layout(
            given.group(1) != null ? given.group(1) : zeros ? "0" : " ",
            align,
            given.group(3) == null ? '-' : given.group(3).charAt(0),
            given.group(5) != null,
            given.group(7) == null
                ? 0
                : width(
                    given.group(7).length() > 9 ? WIDEST + 1 : Integer.parseInt(given.group(7))),
            given.group(8) == null ? ' ' : given.group(8).charAt(0),
            Optional.ofNullable(given.group(9))
                .map(each -> width(each.length() > 9 ? WIDEST + 1 : Integer.parseInt(each))));
    JinjaException unfit =
        new JinjaException(
            "\"%s\" is no format of a value of type %s"
                .formatted(specification, Values.type(value)));
    if (value instanceof String string) {
      if (align == '='
          || given.group(3) != null
          || given.group(5) != null
          || given.group(8) != null
          || !(type.isEmpty() || type.equals("s"))) {
        throw unfit;
      }
      return placed(cut(string, layout.precision()), layout);
    }
    Object each = number.orElseThrow();
    boolean whole = Numbers.isWhole(each);
    return switch (type) {
      case "", "d", "n", "b", "o", "x", "X", "c" -> {
        if (whole) {
          if (layout.precision().isPresent()) {
            throw unfit;
          }
          yield wholeFormat(Numbers.big(each), type, layout);
        }
        if (!type.isEmpty() && !type.equals("n")) {
          throw unfit;
        }
        yield type.isEmpty() && layout.precision().isEmpty()
            ? shortest((Double) each, layout)
            : type.isEmpty()
                ? withPoint((Double) each, layout)
                : decimal((Double) each, 'g', layout);
      }
      case "e", "E", "f", "F", "g", "G", "%" ->
          decimal(Numbers.decimal(each), type.charAt(0), layout);
      default -> throw unfit;
    };
  }

  private static String wholeFormat(BigInteger value, String type, Layout layout) {
    int radix =
        switch (type) {
          case "b" -> 2;
          case "o" -> 8;
          case "x", "X" -> 16;
          default -> 10;
        };
    if (type.equals("c")) {
      return placed(character(value), layout);
    }
    if (radix != 10 && layout.grouping() == ',') {
      throw new JinjaException("\",\" groups decimal digits alone");
    }
    String digits = value.abs().toString(radix);
    Layout grouped =
        radix == 10 || layout.grouping() == ' '
            ? layout
            : new Layout(
                layout.fill(),
                layout.align(),
                layout.sign(),
                layout.alternate(),
                layout.width(),
                '!',
                layout.precision());
    String prefix = layout.alternate() && radix != 10 ? "0" + type : "";
    return placedNumber(
        value.signum() < 0,
        prefix,
        type.equals("X") ? digits.toUpperCase(Locale.ROOT) : digits,
        grouped);
  }

  private static String shortest(double value, Layout layout) {
    boolean negative = value < 0 || (value == 0 && 1 / value < 0);
    return placedNumber(negative, "", Numbers.shown(Math.abs(value)), layout);
  }

  /** As {@code g}, but with a digit after the point where there is no exponent. */
  private static String withPoint(double value, Layout layout) {
    int precision = Math.max(1, layout.precision().orElseThrow());
    boolean negative = value < 0 || (value == 0 && 1 / value < 0);
    String shown;
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      shown = Numbers.shown(Math.abs(value));
    } else {
      BigDecimal exact = new BigDecimal(Math.abs(value));
      BigDecimal rounded = exact.round(new MathContext(precision, RoundingMode.HALF_EVEN));
      int exponent = value == 0 ? 0 : rounded.precision() - 1 - rounded.scale();
      // One digit fewer before the exponent than "g" allows.
      shown =
          exponent >= precision - 1 && value != 0 && exponent >= -4
              ? withoutZeros(scientific(exact, precision - 1, false))
              : general(exact, precision, layout.alternate());
      if (!shown.contains(".") && !shown.contains("e")) {
        shown += ".0";
      }
    }
    return placedNumber(negative, "", shown, layout);
  }

  /** {@code text.format(…)}. */
  static String braces(String text, List<Object> given, Map<String, Object> named, Lookup lookup) {
    return new Braces(given, named, lookup).format(text, 2);
  }

  /** Finds the attribute or the item of a value that a field names. */
  interface Lookup {
    Object of(Object value, Object key, boolean attribute);
  }

  /** One run over a text with fields in braces. */
  private static final class Braces {
    private final List<Object> given;
    private final Map<String, Object> named;
    private final Lookup lookup;
    private int next;

    Braces(List<Object> given, Map<String, Object> named, Lookup lookup) {
      this.given = given;
      this.named = named;
      this.lookup = lookup;
    }

    String format(String text, int depth) {
      if (depth == 0) {
        throw new JinjaException("\"format\" nests fields too deeply");
      }
      StringBuilder out = new StringBuilder();
      int at = 0;
      while (at < text.length()) {
        char c = text.charAt(at);
        at++;
        boolean doubled = at < text.length() && text.charAt(at) == c;
        if ((c != '{' && c != '}') || doubled) {
          out.append(c);
          at += c == '{' || c == '}' ? 1 : 0;
          continue;
        }
        int end = c == '}' ? -1 : end(text, at);
        if (end < 0) {
          throw new JinjaException("\"format\" is given a single \"" + c + "\"");
        }
        out.append(field(text.substring(at, end), depth));
        at = end + 1;
      }
      return out.toString();
    }

    private static int end(String text, int start) {
      int open = 1;
      for (int at = start; at < text.length(); at++) {
        open += text.charAt(at) == '{' ? 1 : text.charAt(at) == '}' ? -1 : 0;
        if (open == 0) {
          return at;
        }
      }
      return -1;
    }

    private String field(String field, int depth) {
      int brackets = 0;
      int cut = field.length();
      for (int at = 0; at < field.length() && cut == field.length(); at++) {
        char c = field.charAt(at);
        brackets += c == '[' ? 1 : c == ']' ? -1 : 0;
        if (brackets == 0 && (c == ':' || c == '!')) {
          cut = at;
        }
      }
      Object value = value(field.substring(0, cut));
      String rest = field.substring(cut);
      if (rest.startsWith("!")) {
        if (rest.length() < 2 || (rest.length() > 2 && rest.charAt(2) != ':')) {
          throw new JinjaException("\"format\" has a wrong conversion");
        }
        value =
            switch (rest.charAt(1)) {
              case 's' -> Values.text(value);
              case 'r' -> Values.repr(value);
              case 'a' -> ascii(Values.repr(value));
              default -> throw new JinjaException("\"format\" has a wrong conversion");
            };
        rest = rest.substring(2);
      }
      return Formats.format(value, rest.isEmpty() ? "" : format(rest.substring(1), depth - 1));
    }

    private Object value(String name) {
      Matcher first = Pattern.compile("[^.\\[]*").matcher(name);
      boolean _ = first.lookingAt();
      String head = first.group();
      Object value;
      if (head.isEmpty() || head.matches("\\d{1,9}")) {
        int index = head.isEmpty() ? next : Integer.parseInt(head);
        next += head.isEmpty() ? 1 : 0;
        if (index >= given.size()) {
          throw new JinjaException("\"format\" is given no value " + index);
        }
        value = given.get(index);
      } else if (named.containsKey(head)) {
        value = named.getOrDefault(head, "");
      } else {
        throw new JinjaException("\"format\" is given no " + head);
      }
      Matcher part = Pattern.compile("\\.([^.\\[]+)|\\[([^\\]]+)\\]").matcher(name);
      int at = first.end();
      while (at < name.length()) {
        if (!part.region(at, name.length()).lookingAt()) {
          throw new JinjaException("\"format\" has a wrong field \"" + name + "\"");
        }
        Object key = part.group(1) != null ? part.group(1) : part.group(2);
        value =
            lookup.of(
                value,
                part.group(2) != null && part.group(2).matches("\\d{1,9}")
                    ? Long.valueOf(part.group(2))
                    : key,
                part.group(1) != null);
        at = part.end();
      }
      return value;
    }
  }
}
