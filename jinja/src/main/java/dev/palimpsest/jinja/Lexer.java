package dev.palimpsest.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a template into tokens, with {@code trim_blocks} and {@code lstrip_blocks}: the newline
 * after a block tag or a comment is dropped, and the blanks before one at the start of a line. A
 * minus at a tag drops all white space on its side, a plus keeps it.
 */
final class Lexer {
  private static final Pattern BEGIN = Pattern.compile("\\{[{%#]");
  private static final String BLANKS = Characters.SPACE + "*";
  private static final Pattern RAW =
      Pattern.compile("\\{%[-+]?" + BLANKS + "raw" + BLANKS + "(?:-%}" + BLANKS + "|%})");
  private static final Pattern END_RAW =
      Pattern.compile(
          "\\{%([-+]?)" + BLANKS + "endraw" + BLANKS + "(?:\\+%}|-%}" + BLANKS + "|%}\\n?)");
  private static final Pattern END_COMMENT = Pattern.compile("\\+#}|-#}" + BLANKS + "|#}\\n?");
  private static final Pattern END_BLOCK = Pattern.compile("\\+%}|-%}" + BLANKS + "|%}\\n?");
  private static final Pattern END_PRINT = Pattern.compile("-}}" + BLANKS + "|}}");
  private static final Pattern SPACE = Pattern.compile(Characters.SPACE + "+");
  private static final Pattern FLOAT =
      Pattern.compile(
          "[0-9]+(?:_[0-9]+)*"
              + "(?:(?:\\.[0-9]+(?:_[0-9]+)*)?[eE][-+]?[0-9]+(?:_[0-9]+)*|\\.[0-9]+(?:_[0-9]+)*)");
  private static final Pattern INTEGER =
      Pattern.compile(
          "0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+"
              + "|[1-9](?:_?[0-9])*|0(?:_?0)*");
  private static final Pattern NAME =
      Pattern.compile("[\\p{L}\\p{Nl}_][\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}]*");
  private static final Pattern STRING =
      Pattern.compile("(?s)'(?:[^'\\\\]|\\\\.)*+'|\"(?:[^\"\\\\]|\\\\.)*+\"");
  private static final Pattern OPERATOR =
      Pattern.compile("\\*\\*|//|==|!=|>=|<=|[-+*/%~\\[\\](){}><=.:|,;]");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private int counted;
  private boolean lineStarts = true;

  private Lexer(String source) {
    this.source = source;
  }

  /**
   * The tokens of a template; the last is {@link Token.Kind#END}.
   *
   * @throws JinjaException if a tag, a comment or a string does not end
   */
  static List<Token> tokens(String template) {
    String lines = template.replaceAll("\r\n?", "\n");
    // As Jinja does, which keeps no newline at the end of a template.
    Lexer lexer = new Lexer(lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    Matcher begin = BEGIN.matcher(source);
    while (begin.find(at)) {
      int tag = begin.start();
      text(source.substring(at, tag), sign(tag), source.charAt(tag + 1) == '{');
      at = tag;
      switch (source.charAt(tag + 1)) {
        case '#' -> comment();
        case '%' -> block();
        default -> tag(Token.Kind.PRINT_BEGIN, Token.Kind.PRINT_END, END_PRINT, "}}");
      }
    }
    text(source.substring(at), ' ', true);
    add(Token.Kind.END, "", source.length());
  }

  private char sign(int tag) {
    return tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
  }

  /** Text before a tag with that sign. */
  private void text(String text, char sign, boolean isBeforePrint) {
    String kept = text;
    if (sign == '-') {
      kept = Strings.strip(text, Optional.empty(), false, true);
    } else if (sign != '+' && !isBeforePrint) {
      int start = text.lastIndexOf('\n') + 1;
      if ((start > 0 || lineStarts) && Strings.strip(text.substring(start)).isEmpty()) {
        kept = text.substring(0, start);
      }
    }
    if (!kept.isEmpty()) {
      add(Token.Kind.TEXT, kept, at);
    }
  }

  private void comment() {
    Matcher end = END_COMMENT.matcher(source);
    if (!end.find(at + 2)) {
      throw failure("the comment does not end: \"#}\" is missing");
    }
    leaveTag(end);
  }

  private void block() {
    Matcher raw = RAW.matcher(source).region(at, source.length());
    if (!raw.lookingAt()) {
      tag(Token.Kind.BLOCK_BEGIN, Token.Kind.BLOCK_END, END_BLOCK, "%}");
      return;
    }
    leaveTag(raw);
    Matcher end = END_RAW.matcher(source);
    if (!end.find(at)) {
      throw failure("the block raw does not end: \"{% endraw %}\" is missing");
    }
    String sign = end.group(1);
    text(source.substring(at, end.start()), sign.isEmpty() ? ' ' : sign.charAt(0), false);
    leaveTag(end);
  }

  private void leaveTag(Matcher end) {
    at = end.end();
    lineStarts = source.charAt(at - 1) == '\n';
  }

  private void tag(Token.Kind begin, Token.Kind end, Pattern closing, String shown) {
    add(begin, source.substring(at, at + 2), at);
    char sign = sign(at);
    at += sign == '-' || sign == '+' ? 3 : 2;
    int open = 0;
    while (at < source.length()) {
      Matcher close = closing.matcher(source).region(at, source.length());
      if (open <= 0 && close.lookingAt()) {
        add(end, shown, at);
        leaveTag(close);
        return;
      }
      open += expressionToken();
    }
    throw failure("the tag does not end: \"" + shown + "\" is missing");
  }

  /** Takes one token, and returns by how many brackets it opens more than it closes. */
  private int expressionToken() {
    if (take(SPACE) != null) {
      return 0;
    }
    // As in a.0.1, which is no float.
    boolean behindPoint = at > 0 && source.charAt(at - 1) == '.';
    Matcher decimal = behindPoint ? null : take(FLOAT);
    if (decimal != null) {
      add(Token.Kind.FLOAT, decimal.group().replace("_", ""), decimal.start());
      return 0;
    }
    Matcher integer = take(INTEGER);
    if (integer != null) {
      add(Token.Kind.INTEGER, integer.group(), integer.start());
      return 0;
    }
    Matcher name = take(NAME);
    if (name != null) {
      add(Token.Kind.NAME, name.group(), name.start());
      return 0;
    }
    Matcher string = take(STRING);
    if (string != null) {
      add(Token.Kind.STRING, unescape(string.group()), string.start());
      return 0;
    }
    Matcher operator = take(OPERATOR);
    if (operator == null) {
      throw failure("\"%s\" cannot stand in a tag".formatted(source.charAt(at)));
    }
    add(Token.Kind.OPERATOR, operator.group(), operator.start());
    return "([{".contains(operator.group()) ? 1 : ")]}".contains(operator.group()) ? -1 : 0;
  }

  private @Nullable Matcher take(Pattern pattern) {
    Matcher matcher = pattern.matcher(source).region(at, source.length());
    if (!matcher.lookingAt()) {
      return null;
    }
    at = matcher.end();
    return matcher;
  }

  /** A string without its quotes, Python's escapes resolved. */
  private static String unescape(String quoted) {
    StringBuilder text = new StringBuilder();
    int end = quoted.length() - 1;
    int i = 1;
    while (i < end) {
      char c = quoted.charAt(i);
      i++;
      if (c != '\\') {
        text.append(c);
        continue;
      }
      char escaped = quoted.charAt(i);
      i++;
      switch (escaped) {
        case 'n' -> text.append('\n');
        case 't' -> text.append('\t');
        case 'r' -> text.append('\r');
        case 'b' -> text.append('\b');
        case 'f' -> text.append('\f');
        case 'a' -> text.append('\u0007');
        case 'v' -> text.append('\u000b');
        case '\\', '\'', '"' -> text.append(escaped);
        case '\n' -> {
          // A line that goes on.
        }
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int stop = i;
          while (stop < Math.min(end, i + 2) && Character.digit(quoted.charAt(stop), 8) >= 0) {
            stop++;
          }
          text.appendCodePoint(Integer.parseInt(quoted.substring(i - 1, stop), 8));
          i = stop;
        }
        case 'N' -> {
          int stop = quoted.indexOf('}', i);
          if (quoted.charAt(i) != '{' || stop < 0) {
            throw wrongEscape(quoted);
          }
          try {
            text.appendCodePoint(Character.codePointOf(quoted.substring(i + 1, stop)));
          } catch (IllegalArgumentException e) {
            throw wrongEscape(quoted);
          }
          i = stop + 1;
        }
        case 'x', 'u', 'U' -> {
          int digits = escaped == 'x' ? 2 : escaped == 'u' ? 4 : 8;
          String hex = quoted.substring(i, Math.min(end, i + digits));
          if (!hex.matches("[0-9a-fA-F]{" + digits + "}")
              || !Character.isValidCodePoint(Integer.parseUnsignedInt(hex, 16))) {
            throw wrongEscape(quoted);
          }
          text.appendCodePoint(Integer.parseUnsignedInt(hex, 16));
          i += digits;
        }
        default -> {
          // Jinja escapes what is not ASCII before it resolves escapes.
          int other = quoted.codePointAt(i - 1);
          text.append('\\');
          text.append(
              other < 0x80 ? Character.toString(other) : Characters.escape(other).substring(1));
          i += Character.charCount(other) - 1;
        }
      }
    }
    return text.toString();
  }

  private static JinjaException wrongEscape(String quoted) {
    return new JinjaException("the string " + quoted + " has a wrong escape");
  }

  private void add(Token.Kind kind, String text, int position) {
    for (; counted < position; counted++) {
      line += source.charAt(counted) == '\n' ? 1 : 0;
    }
    tokens.add(new Token(kind, text, line));
  }

  private JinjaException failure(String what) {
    long lines = source.substring(0, at).chars().filter(c -> c == '\n').count();
    return new JinjaException("line " + (lines + 1) + ": " + what);
  }
}
