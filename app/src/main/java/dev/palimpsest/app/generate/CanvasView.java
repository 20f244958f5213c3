package dev.palimpsest.app.generate;

import dev.palimpsest.app.terminal.Confidence;
import dev.palimpsest.app.terminal.Terminal;
import dev.palimpsest.engine.text.Tokenizer;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.DreamOptions;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.P2Options;
import dev.palimpsest.sampler.method.RemdmOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.SnapshotRing;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jline.utils.WCWidth;
import org.jspecify.annotations.Nullable;

/**
 * The canvas as it fills, on standard error. Blocks, and steps in lines, count from 0 as in a
 * trace.
 *
 * <p>On a terminal it is redrawn in place, under the prompt and a line with what was done so far,
 * as wide as the terminal is at the moment, in LLaDA's colours: masks dark grey; tokens of this
 * step green, orange or red by confidence; older ones blue. Elsewhere every step is one line. A
 * thread of its own draws, on a terminal at a pace that can be followed; closing waits for the last
 * picture. If {@value #MOST_WAITING} steps wait to be drawn, the generation goes on and the oldest
 * are left out, which is said at the end; or it waits, if that was asked for.
 */
final class CanvasView implements SnapshotListener, AutoCloseable {
  private static final int MOST_WAITING = 256;
  private static final long FRAME_MILLIS = 40;
  private static final long LONGEST_SHOW_MILLIS = 6_000;
  private static final int GREY = 238;
  private static final int GREEN = 34;
  private static final int ORANGE = 214;
  private static final int RED = 196;
  private static final int BLUE = 68;
  private static final int PROMPT_LINES = 2;
  private static final int LOWEST_WITH_PROMPT = 8;
  private static final int DIM = 245;

  private final Supplier<Terminal> terminals;
  private final Tokenizer tokenizer;
  private final SpecialTokens specials;
  private final String mask;
  private final String stop;
  private final String newline;
  private final long frameMillis;
  private final PrintStream out = System.err;
  private final SnapshotRing frames;
  private final Thread painter;
  private final String prompt;
  private final OptionalInt allSteps;
  private List<Line> drawn = List.of();

  /**
   * A view of a generation to come.
   *
   * @param terminals the terminal as it is now, asked before every picture
   * @param prompt as it was given
   */
  CanvasView(
      Supplier<Terminal> terminals,
      Tokenizer tokenizer,
      SpecialTokens specials,
      SamplingOptions options,
      String prompt,
      SnapshotRing.WhenFull whenFull) {
    frames = new SnapshotRing(MOST_WAITING, whenFull);
    this.terminals = terminals;
    this.tokenizer = tokenizer;
    this.specials = specials;
    this.prompt = prompt.strip().replaceAll("\\s+", " ").replaceAll("\\p{Cntrl}", "?");
    Terminal terminal = terminals.get();
    mask = terminal.isUnicode() ? "░" : "_";
    stop = terminal.isUnicode() ? "∎" : "|";
    newline = terminal.isUnicode() ? "⏎" : "/";
    allSteps = allSteps(options);
    frameMillis = Math.min(FRAME_MILLIS, LONGEST_SHOW_MILLIS / options.genLength());
    painter = Thread.ofPlatform().daemon().name("canvas-view").start(this::paint);
  }

  /** How many steps there will be, where that is known before. */
  private static OptionalInt allSteps(SamplingOptions options) {
    return switch (options) {
      case LladaOptions llada when !llada.adaptive() -> OptionalInt.of(llada.steps());
      case DreamOptions dream -> OptionalInt.of(dream.steps());
      case RemdmOptions remdm -> OptionalInt.of(remdm.steps());
      case P2Options p2 -> OptionalInt.of(p2.steps());
      default -> OptionalInt.empty();
    };
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
        Terminal terminal = terminals.get();
        if (terminal.isTerminal()) {
          redraw(terminal, next.get());
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
    text.append(String.format(Locale.ROOT, "%4d %4d ", heard.number(), snapshot.openLeft()));
    CanvasImage canvas = snapshot.canvas();
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      text.append(piece(canvas, position));
    }
    return text.toString();
  }

  /** Goes to where the last picture began, and writes over it. */
  private void redraw(Terminal terminal, SnapshotRing.Heard heard) {
    List<Line> lines = picture(terminal, heard);
    StringBuilder frame = new StringBuilder();
    if (!drawn.isEmpty()) {
      frame.append("\u001b[").append(rows(terminal)).append("A\r");
    }
    for (Line line : lines) {
      frame.append(line.text()).append("\u001b[K\n");
    }
    frame.append("\u001b[J");
    drawn = lines;
    out.print(frame);
    out.flush();
  }

  /** What the last picture takes: a terminal that has become narrower has wrapped its lines. */
  private int rows(Terminal terminal) {
    return drawn.stream()
        .mapToInt(line -> Math.max(1, Math.ceilDiv(line.width(), terminal.columns())))
        .sum();
  }

  private List<Line> picture(Terminal terminal, SnapshotRing.Heard heard) {
    Snapshot snapshot = heard.snapshot();
    Wrapped head = new Wrapped(terminal.columns() - 2);
    head.add(prompt, each -> colored(terminal, each, DIM));
    List<Line> lines = new ArrayList<>(head.first(PROMPT_LINES, terminal.isUnicode() ? "…" : "~"));
    if (terminal.rows() < LOWEST_WITH_PROMPT) {
      lines.clear();
    }
    Wrapped status = new Wrapped(terminal.columns() - 1);
    status.add(status(heard), each -> each);
    lines.add(status.first(1, "").getFirst());
    lines.addAll(canvasLines(terminal, snapshot, Math.max(1, terminal.rows() - 1 - lines.size())));
    return lines;
  }

  private String status(SnapshotRing.Heard heard) {
    Snapshot snapshot = heard.snapshot();
    long steps = heard.number() + 1;
    String of =
        allSteps.isPresent() && steps <= allSteps.getAsInt() ? " of " + allSteps.getAsInt() : "";
    double seconds = Math.max(1, snapshot.elapsedNanos()) / 1e9;
    return String.format(
        Locale.ROOT,
        "step %d%s, %.1f tokens/s, %d masked, block %d, %.0f ms",
        steps,
        of,
        textTokens(snapshot.canvas()) / seconds,
        snapshot.openLeft(),
        snapshot.block(),
        1000 * seconds);
  }

  /** Filled positions before the first end of the text. */
  private int textTokens(CanvasImage canvas) {
    int count = 0;
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      if (!canvas.state(position).isOpen()) {
        if (specials.isStop(canvas.id(position))) {
          return count;
        }
        count++;
      }
    }
    return count;
  }

  /** The canvas wrapped to the terminal; of a tall one the lines around its first mask. */
  private List<Line> canvasLines(Terminal terminal, Snapshot snapshot, int room) {
    Map<Integer, Commit> fresh = new HashMap<>();
    snapshot.commits().forEach(commit -> fresh.put(commit.position(), commit));
    CanvasImage canvas = snapshot.canvas();
    Wrapped wrapped = new Wrapped(terminal.columns() - 1);
    int firstMasked = -1;
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      boolean masked = canvas.state(position).isOpen();
      int color = color(masked, fresh.get(position));
      wrapped.add(piece(canvas, position), each -> colored(terminal, each, color));
      if (masked && firstMasked < 0) {
        firstMasked = wrapped.lines().size() - 1;
      }
    }
    List<Line> lines = wrapped.lines();
    int from = Math.clamp(firstMasked - 1L, 0, Math.max(0, lines.size() - room));
    return lines.subList(from, Math.min(lines.size(), from + room));
  }

  private String piece(CanvasImage canvas, int position) {
    if (canvas.state(position).isOpen()) {
      return mask;
    }
    int id = canvas.id(position);
    if (specials.isStop(id)) {
      return stop;
    }
    return tokenizer.piece(id).replace("\n", newline).replaceAll("\\p{Cntrl}", "?");
  }

  private static String colored(Terminal terminal, String text, int color) {
    return terminal.hasColor() ? "\u001b[38;5;" + color + "m" + text + "\u001b[0m" : text;
  }

  private static int color(boolean masked, @Nullable Commit commit) {
    if (masked) {
      return GREY;
    }
    if (commit == null) {
      return BLUE;
    }
    return switch (Confidence.of(commit.confidence())) {
      case SURE -> GREEN;
      case LIKELY -> ORANGE;
      case UNSURE -> RED;
    };
  }

  /**
   * A line as it is sent.
   *
   * @param width in columns of a terminal
   */
  private record Line(String text, int width) {}

  /** Text in lines that are no wider than so many columns. */
  private static final class Wrapped {
    private final int columns;
    private final List<Line> lines = new ArrayList<>();

    Wrapped(int columns) {
      this.columns = columns;
      lines.add(new Line("", 0));
    }

    /** Adds text, in parts where it does not fit; each part is dressed by itself. */
    void add(String text, UnaryOperator<String> dress) {
      StringBuilder part = new StringBuilder();
      int width = 0;
      for (int codePoint : text.codePoints().toArray()) {
        int columnsOfIt = Math.max(0, WCWidth.wcwidth(codePoint));
        if (lines.getLast().width() + width + columnsOfIt > columns) {
          append(dress.apply(part.toString()), width);
          lines.add(new Line("", 0));
          part.setLength(0);
          width = 0;
        }
        part.appendCodePoint(codePoint);
        width += columnsOfIt;
      }
      append(dress.apply(part.toString()), width);
    }

    private void append(String text, int width) {
      if (width > 0) {
        Line last = lines.removeLast();
        lines.add(new Line(last.text() + text, last.width() + width));
      }
    }

    List<Line> lines() {
      return List.copyOf(lines);
    }

    /** The first lines, with a mark where there are more. */
    List<Line> first(int count, String mark) {
      if (lines.size() <= count) {
        return List.copyOf(lines);
      }
      List<Line> first = new ArrayList<>(lines.subList(0, count));
      Line last = first.removeLast();
      first.add(new Line(last.text() + mark, last.width() + mark.length()));
      return first;
    }
  }
}
