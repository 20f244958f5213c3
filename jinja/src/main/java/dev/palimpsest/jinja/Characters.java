package dev.palimpsest.jinja;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;

/** Python's text model: strings are of code points, and these are their kinds. */
final class Characters {
  /** Python's {@code \s}, which is more than Unicode's white space. */
  static final String SPACE =
      "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";

  private static final String LINE_ENDS = "\n\r\u000b\f\u001c\u001d\u001e\u0085\u2028\u2029";
  private static final String DIGIT_SIGNS = "\u00b2\u00b3\u00b9\u2070";

  private Characters() {}

  static boolean isSpace(int c) {
    return (c >= '\t' && c <= '\r')
        || (c >= 0x1c && c <= ' ')
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  static boolean isNumeric(int c) {
    return switch (Character.getType(c)) {
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
      default -> false;
    };
  }

  /** A decimal digit, or one that is raised, lowered or in a circle. */
  static boolean isDigit(int c) {
    return Character.isDigit(c)
        || DIGIT_SIGNS.indexOf(c) >= 0
        || (c >= 0x2074 && c <= 0x2079)
        || (c >= 0x2080 && c <= 0x2089)
        || (c >= 0x2460 && c <= 0x2468)
        || (c >= 0x2474 && c <= 0x247c)
        || (c >= 0x2488 && c <= 0x2490)
        || c == 0x24ea
        || (c >= 0x24f5 && c <= 0x24fd)
        || c == 0x24ff
        || (c >= 0x2776 && c <= 0x277e)
        || (c >= 0x2780 && c <= 0x2788)
        || (c >= 0x278a && c <= 0x2792);
  }

  static boolean isAlphanumeric(int c) {
    return Character.isLetter(c) || isNumeric(c) || isDigit(c);
  }

  static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  /** Whether {@code repr} shows the character itself, not an escape. */
  static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> c == ' ';
      default -> true;
    };
  }

  static boolean all(String text, IntPredicate test) {
    return !text.isEmpty() && text.codePoints().allMatch(test);
  }

  static long length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** The lines of a text, with or without what ends them; a last end begins no further line. */
  static List<Object> lines(String text, boolean keepEnds) {
    List<Object> lines = new ArrayList<>();
    int start = 0;
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      at++;
      if (LINE_ENDS.indexOf(c) >= 0) {
        int end = at - 1;
        if (c == '\r' && at < text.length() && text.charAt(at) == '\n') {
          at++;
        }
        lines.add(text.substring(start, keepEnds ? at : end));
        start = at;
      }
    }
    if (start < text.length()) {
      lines.add(text.substring(start));
    }
    return lines;
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  /**
   * One code point as it begins a title: of a letter that becomes two, the first alone is large.
   */
  static String titled(int c) {
    String upper = upper(Character.toString(c));
    int first = upper.offsetByCodePoints(0, 1);
    return first == upper.length()
        ? Character.toString(Character.toTitleCase(c))
        : upper.substring(0, first) + lower(upper.substring(first));
  }

  static String capitalized(String text) {
    if (text.isEmpty()) {
      return text;
    }
    return titled(text.codePointAt(0))
        + lower(text).substring(lower(Character.toString(text.codePointAt(0))).length());
  }

  /** {@code str.title}: every run of cased characters begins large. */
  static String title(String text) {
    StringBuilder title = new StringBuilder();
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      title.append(inWord ? lower(Character.toString(c)) : titled(c));
      inWord = isCased(c);
    }
    return title.toString();
  }

  static String caseFolded(String text) {
    StringBuilder folded = new StringBuilder();
    for (int c : text.codePoints().toArray()) {
      String upper = upper(Character.toString(c));
      if (c == 'ς') {
        folded.append('σ');
      } else if (c == 'ſ') {
        folded.append('s');
      } else if (upper.codePointCount(0, upper.length()) > 1) {
        folded.append(lower(upper));
      } else {
        folded.append(lower(Character.toString(c)));
      }
    }
    return folded.toString();
  }

  /** A text as {@code repr} shows it. */
  static String quoted(String text) {
    char quote = text.contains("'") && !text.contains("\"") ? '"' : '\'';
    StringBuilder quoted = new StringBuilder().append(quote);
    for (int c : text.codePoints().toArray()) {
      switch (c) {
        case '\n' -> quoted.append("\\n");
        case '\r' -> quoted.append("\\r");
        case '\t' -> quoted.append("\\t");
        case '\\' -> quoted.append("\\\\");
        default -> {
          if (c == quote) {
            quoted.append('\\').append(quote);
          } else if (isPrintable(c)) {
            quoted.appendCodePoint(c);
          } else {
            quoted.append(escape(c));
          }
        }
      }
    }
    return quoted.append(quote).toString();
  }

  /** The shortest of Python's escapes for a code point. */
  static String escape(int c) {
    return (c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(c);
  }

  /** The order of Python's strings, which is not that of UTF-16. */
  static int compare(String left, String right) {
    int[] a = left.codePoints().toArray();
    int[] b = right.codePoints().toArray();
    return Arrays.compare(a, b);
  }
}
