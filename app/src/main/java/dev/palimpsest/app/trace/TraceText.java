package dev.palimpsest.app.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.trace.Trace;
import java.util.List;

/** The texts of a trace of tokens for a terminal. */
final class TraceText {
  private final Trace trace;
  private final TerminalText terminal;
  private final String stop;

  TraceText(Trace trace, TerminalText terminal) {
    this.trace = trace;
    this.terminal = terminal;
    stop = terminal.unicode() ? "∎" : "|";
  }

  /** What stands at a position. */
  String piece(CanvasImage canvas, int position) {
    return canvas.state(position).isOpen() ? terminal.mask() : piece(canvas.id(position));
  }

  /** The text of an id. */
  String piece(int id) {
    if (trace.header().specials().isStop(id)) {
      return stop;
    }
    return terminal.shown(trace.piece(id));
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
    StringBuilder text = new StringBuilder();
    for (int position = from; position < to; position++) {
      text.append(piece(canvas, position));
    }
    return terminal.wrapped(text.toString(), indent);
  }

  /** A line cut to the width. */
  String cut(String line) {
    return terminal.cut(line);
  }
}
