package dev.palimpsest.app.trace;

import dev.palimpsest.sampler.trace.TextTrace;
import java.util.ArrayList;
import java.util.List;

/**
 * Texts for a terminal: one column a character, no control characters.
 *
 * @param unicode whether it shows more than ASCII
 * @param columns it has
 */
record TerminalText(boolean unicode, int columns) {
  /** Stands for a token that is not written yet. */
  String mask() {
    return unicode ? String.valueOf(TextTrace.MASK) : "_";
  }

  /** A text as it is shown in one line. */
  String shown(String text) {
    return text.replace("\n", unicode ? "⏎" : "/")
        .replace(String.valueOf(TextTrace.MASK), mask())
        .replaceAll("\\p{Cntrl}", "?");
  }

  /** A shown text in lines, each behind the indent. */
  List<String> wrapped(String shown, String indent) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder(indent);
    int width = indent.length();
    for (int codePoint : shown.codePoints().toArray()) {
      int wide = Character.isIdeographic(codePoint) ? 2 : 1;
      if (width + wide > columns) {
        lines.add(line.toString());
        line = new StringBuilder(indent);
        width = indent.length();
      }
      line.appendCodePoint(codePoint);
      width += wide;
    }
    lines.add(line.toString());
    return lines;
  }

  /** A line cut to the width. */
  String cut(String line) {
    return line.codePointCount(0, line.length()) <= columns
        ? line
        : line.substring(0, line.offsetByCodePoints(0, columns - 1)) + "…";
  }
}
