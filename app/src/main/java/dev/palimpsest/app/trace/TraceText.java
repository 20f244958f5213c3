package dev.palimpsest.app.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.trace.Trace;
import java.util.ArrayList;
import java.util.List;

/** The texts of a trace for a terminal: one column a character, no control characters. */
final class TraceText {
  private final Trace trace;
  private final String mask;
  private final String stop;
  private final String newline;
  private final int columns;

  TraceText(Trace trace, boolean unicode, int columns) {
    this.trace = trace;
    this.columns = columns;
    mask = unicode ? "░" : "_";
    stop = unicode ? "∎" : "|";
    newline = unicode ? "⏎" : "/";
  }

  /** What stands at a position. */
  String piece(CanvasImage canvas, int position) {
    return canvas.state(position) == CellState.MASKED ? mask : piece(canvas.id(position));
  }

  /** The text of an id. */
  String piece(int id) {
    if (trace.header().specials().isStop(id)) {
      return stop;
    }
    return trace.piece(id).replace("\n", newline).replaceAll("\\p{Cntrl}", "?");
  }

  /** An id's text in quotes, cut where it is long. */
  String quoted(int id, int most) {
    String text = piece(id);
    int length = text.codePointCount(0, text.length());
    return "'"
        + (length <= most ? text : text.substring(0, text.offsetByCodePoints(0, most - 1)) + "…")
        + "'";
  }

  /** Everything after the prompt, wrapped. */
  List<String> lines(CanvasImage canvas, String indent) {
    return wrapped(canvas, canvas.promptLength(), canvas.length(), indent);
  }

  /** The prompt, wrapped. */
  List<String> prompt(CanvasImage canvas, String indent) {
    return wrapped(canvas, 0, canvas.promptLength(), indent);
  }

  private List<String> wrapped(CanvasImage canvas, int from, int to, String indent) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder(indent);
    int width = indent.length();
    for (int position = from; position < to; position++) {
      for (int codePoint : piece(canvas, position).codePoints().toArray()) {
        int wide = Character.isIdeographic(codePoint) ? 2 : 1;
        if (width + wide > columns) {
          lines.add(line.toString());
          line = new StringBuilder(indent);
          width = indent.length();
        }
        line.appendCodePoint(codePoint);
        width += wide;
      }
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
