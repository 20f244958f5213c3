package dev.palimpsest.app.terminal;

import java.util.Locale;

/**
 * What standard error is connected to. Java cannot tell; the launcher can, and says so in {@code
 * -Dpalimpsest.terminal=COLUMNSxROWS} when it is a terminal.
 *
 * @param isTerminal whether somebody looks at it and what it shows can be drawn over, which {@code
 *     TERM=dumb} denies
 * @param columns its width
 * @param rows its height
 * @param isUnicode whether it shows more than ASCII
 * @param hasColor whether it shows colours; {@code NO_COLOR} switches them off
 */
public record Terminal(
    boolean isTerminal, int columns, int rows, boolean isUnicode, boolean hasColor) {
  private static final int DEFAULT_COLUMNS = 80;
  private static final int DEFAULT_ROWS = 24;
  private static final int NARROWEST = 20;

  public static Terminal standardError() {
    String size = System.getProperty("palimpsest.terminal", "");
    boolean terminal = !size.isEmpty() && !"dumb".equals(System.getenv("TERM"));
    int cross = size.indexOf('x');
    return new Terminal(
        terminal,
        columns(positive(size.substring(0, Math.max(0, cross)), DEFAULT_COLUMNS)),
        positive(size.substring(cross + 1), DEFAULT_ROWS),
        isUnicode("stderr.encoding"),
        terminal && System.getenv("NO_COLOR") == null);
  }

  /** The same terminal as large as it is now. */
  public Terminal resized() {
    return WindowSize.of(StandardError.descriptor())
        .map(
            size ->
                new Terminal(isTerminal, columns(size.columns()), size.rows(), isUnicode, hasColor))
        .orElse(this);
  }

  private static int columns(int given) {
    return Math.max(NARROWEST, given);
  }

  /** Whether standard output takes more than ASCII. */
  public static boolean isUnicodeOut() {
    return isUnicode("stdout.encoding");
  }

  private static boolean isUnicode(String property) {
    return System.getProperty(property, "").toUpperCase(Locale.ROOT).startsWith("UTF");
  }

  /** Whether standard input is a terminal, so that nothing comes from it unasked. */
  public static boolean isStandardInput() {
    return Boolean.getBoolean("palimpsest.stdin.terminal");
  }

  private static int positive(String digits, int otherwise) {
    return digits.matches("[1-9][0-9]{0,4}") ? Integer.parseInt(digits) : otherwise;
  }
}
