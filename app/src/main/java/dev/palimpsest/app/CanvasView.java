package dev.palimpsest.app;

import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.CanvasImage;
import dev.palimpsest.sampler.CellState;
import dev.palimpsest.sampler.Commit;
import dev.palimpsest.sampler.SamplingOptions;
import dev.palimpsest.sampler.Snapshot;
import dev.palimpsest.sampler.SnapshotListener;
import dev.palimpsest.sampler.SnapshotRing;
import dev.palimpsest.sampler.SpecialTokens;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The canvas as it fills, on standard error. Steps and blocks count from 0, as in a trace.
 *
 * <p>On a terminal it is redrawn in place in LLaDA's colours: masks dark grey; tokens of this step
 * green, orange or red by confidence; older ones blue. Elsewhere every step is one line. A thread
 * of its own draws, on a terminal at a pace that can be followed; closing waits for the last
 * picture. If {@value #MOST_WAITING} steps wait to be drawn, the generation goes on and the oldest
 * are left out, which is said at the end; or it waits, if that was asked for.
 */
final class CanvasView implements SnapshotListener, AutoCloseable {
  private static final int MOST_WAITING = 256;
  private static final long FRAME_MILLIS = 40;
  private static final long LONGEST_SHOW_MILLIS = 6_000;
  private static final double SURE = 0.9;
  private static final double LIKELY = 0.5;
  private static final int GREY = 238;
  private static final int GREEN = 34;
  private static final int ORANGE = 214;
  private static final int RED = 196;
  private static final int BLUE = 68;

  private final Terminal terminal;
  private final Tokenizer tokenizer;
  private final SpecialTokens specials;
  private final String mask;
  private final String stop;
  private final String newline;
  private final long frameMillis;
  private final PrintStream out = System.err;
  private final SnapshotRing frames;
  private final Thread painter;
  private int linesDrawn;

  CanvasView(
      Terminal terminal,
      Tokenizer tokenizer,
      SpecialTokens specials,
      SamplingOptions options,
      SnapshotRing.WhenFull whenFull) {
    frames = new SnapshotRing(MOST_WAITING, whenFull);
    this.terminal = terminal;
    this.tokenizer = tokenizer;
    this.specials = specials;
    mask = terminal.isUnicode() ? "░" : "_";
    stop = terminal.isUnicode() ? "∎" : "|";
    newline = terminal.isUnicode() ? "⏎" : "/";
    frameMillis = Math.min(FRAME_MILLIS, LONGEST_SHOW_MILLIS / options.genLength());
    painter = Thread.ofPlatform().daemon().name("canvas-view").start(this::paint);
  }

  @Override
  public void snapshot(Snapshot snapshot) {
    frames.snapshot(snapshot);
  }

  @Override
  public void close() {
    frames.close();
    boolean interrupted = false;
    while (painter.isAlive()) {
      try {
        painter.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (frames.leftOut() > 0) {
      out.printf(
          "%d of %d steps are not shown: they came faster than they could be drawn; --lossless waits for each%n",
          frames.leftOut(), frames.heard());
    }
  }

  private void paint() {
    try (frames) {
      Optional<SnapshotRing.Heard> next = frames.take();
      while (next.isPresent()) {
        if (terminal.isTerminal()) {
          redraw(next.get());
          Thread.sleep(frameMillis);
        } else {
          out.println(line(next.get()));
        }
        next = frames.take();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private String line(SnapshotRing.Heard heard) {
    Snapshot snapshot = heard.snapshot();
    StringBuilder text = new StringBuilder();
    text.append(String.format(Locale.ROOT, "%4d %4d ", heard.number(), snapshot.maskedLeft()));
    CanvasImage canvas = snapshot.canvas();
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      text.append(piece(canvas, position));
    }
    return text.toString();
  }

  private void redraw(SnapshotRing.Heard heard) {
    Snapshot snapshot = heard.snapshot();
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "step %d, block %d, %d masked, %.0f ms",
            heard.number(),
            snapshot.block(),
            snapshot.maskedLeft(),
            snapshot.elapsedNanos() / 1e6));
    lines.addAll(canvasLines(snapshot));
    StringBuilder frame = new StringBuilder();
    if (linesDrawn > 0) {
      frame.append("\u001b[").append(linesDrawn).append("A\r\u001b[J");
    }
    for (String line : lines) {
      frame.append(line).append('\n');
    }
    linesDrawn = lines.size();
    out.print(frame);
    out.flush();
  }

  /** The canvas wrapped to the terminal; of a tall one the lines around its first mask. */
  private List<String> canvasLines(Snapshot snapshot) {
    Map<Integer, Commit> fresh = new HashMap<>();
    snapshot.commits().forEach(commit -> fresh.put(commit.position(), commit));
    CanvasImage canvas = snapshot.canvas();
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    int width = 0;
    int firstMasked = -1;
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      String piece = piece(canvas, position);
      int length = piece.codePointCount(0, piece.length());
      if (width + length > terminal.columns() - 1) {
        lines.add(line.toString());
        line.setLength(0);
        width = 0;
      }
      boolean masked = canvas.state(position) == CellState.MASKED;
      if (masked && firstMasked < 0) {
        firstMasked = lines.size();
      }
      line.append(colored(piece, masked, fresh.get(position)));
      width += length;
    }
    lines.add(line.toString());
    int room = Math.max(1, terminal.rows() - 2);
    int from = Math.clamp(firstMasked - 1L, 0, Math.max(0, lines.size() - room));
    return lines.subList(from, Math.min(lines.size(), from + room));
  }

  private String piece(CanvasImage canvas, int position) {
    if (canvas.state(position) == CellState.MASKED) {
      return mask;
    }
    int id = canvas.id(position);
    if (specials.isStop(id)) {
      return stop;
    }
    return tokenizer.piece(id).replace("\n", newline).replaceAll("\\p{Cntrl}", "?");
  }

  private String colored(String piece, boolean masked, @Nullable Commit commit) {
    if (!terminal.hasColor()) {
      return piece;
    }
    return "\u001b[38;5;" + color(masked, commit) + "m" + piece + "\u001b[0m";
  }

  private static int color(boolean masked, @Nullable Commit commit) {
    if (masked) {
      return GREY;
    }
    if (commit == null) {
      return BLUE;
    }
    if (commit.confidence() >= SURE) {
      return GREEN;
    }
    return commit.confidence() >= LIKELY ? ORANGE : RED;
  }
}
