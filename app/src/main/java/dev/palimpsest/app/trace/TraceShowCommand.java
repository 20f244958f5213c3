package dev.palimpsest.app.trace;

import dev.palimpsest.app.terminal.Terminal;
import dev.palimpsest.app.terminal.Wording;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.trace.TextTrace;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceDamage;
import dev.palimpsest.sampler.trace.TraceException;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceRecord;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code trace show}: a trace in the terminal. */
@Command(
    name = "show",
    description = {
      "Shows a trace in the terminal.",
      "All of it in one line a step, or one step, or what differs between two. A step's canvas"
          + " is the one after it."
    },
    mixinStandardHelpOptions = true)
final class TraceShowCommand implements Callable<Integer> {
  private static final int COLUMNS = 80;
  private static final int PIECE_WIDTH = 12;

  @Parameters(paramLabel = "TRACE", description = "A trace file.")
  private Path file;

  @Option(names = "--step", paramLabel = "N", description = "Show this step, from 0.")
  private Optional<Integer> step;

  @Option(
      names = "--diff",
      paramLabel = "M",
      description = "Show what differs between the canvases after step N and step M.")
  private Optional<Integer> diff;

  @Override
  public Integer call() {
    if (TextTrace.isIn(file)) {
      TextTrace trace = TextTrace.readWhole(file);
      showTexts(trace);
      complain(trace.damage());
      return 0;
    }
    Trace trace = Trace.readWhole(file);
    TraceText text = new TraceText(trace, new TerminalText(Terminal.isUnicodeOut(), COLUMNS));
    if (diff.isPresent()) {
      int from = step.orElse(0);
      trace.indexOfStep(from);
      trace.indexOfStep(diff.get());
      showDifference(trace, text, from, diff.get());
    } else if (step.isPresent()) {
      showStep(trace, text, step.get());
    } else {
      showAll(trace, text);
    }
    complain(trace.damage());
    return 0;
  }

  private void complain(Optional<TraceDamage> damage) {
    damage.ifPresent(
        each ->
            System.err.printf(
                "palimpsest: %s ends early, before record %d: the run was cut off%n",
                file, each.record()));
  }

  private void showTexts(TextTrace trace) {
    if (diff.isPresent()) {
      throw new TraceException(
          "%s: --diff compares positions, and a trace of texts has none: look at two steps."
              .formatted(file));
    }
    TerminalText text = new TerminalText(Terminal.isUnicodeOut(), COLUMNS);
    if (step.isPresent()) {
      int frames = trace.frames().size();
      if (step.get() < 0 || step.get() >= frames) {
        throw new TraceException(
            "%s: step %d is not in the trace: use 0 to %d."
                .formatted(file, step.get(), frames - 1));
      }
      System.out.printf("step %d of %d%n", step.get(), frames);
      text.wrapped(text.shown(trace.frames().get(step.get())), "  ").forEach(System.out::println);
      return;
    }
    TextTrace.Source source = trace.source();
    System.out.println(text.cut("model     " + source.model().orElse("not known")));
    System.out.println(text.cut("frames    " + source.format() + ", " + source.sha256()));
    source
        .prompt()
        .ifPresent(
            prompt -> text.wrapped(text.shown(prompt), "prompt    ").forEach(System.out::println));
    System.out.println("step text");
    for (int index = 0; index < trace.frames().size(); index++) {
      System.out.println(text.cut("%4d ".formatted(index) + text.shown(trace.frames().get(index))));
    }
    if (!trace.frames().isEmpty()) {
      text.wrapped(text.shown(trace.frames().getLast()), "text      ").forEach(System.out::println);
    }
  }

  private static void showAll(Trace trace, TraceText text) {
    TraceHeader header = trace.header();
    println(text, "model     " + header.model().name() + ", " + header.model().sha256());
    println(text, "machine   " + header.machine().device());
    println(text, "          " + header.machine().backend());
    println(text, "sampler   " + header.sampler() + " " + options(header.options()));
    text.prompt(header.start(), "prompt    ").forEach(System.out::println);
    header
        .origin()
        .ifPresent(
            origin ->
                println(
                    text,
                    "branch    at step "
                        + origin.step()
                        + ": "
                        + String.join("; ", origin.edits())));
    header.inside().forEach(change -> println(text, "inside    " + change));
    System.out.println("step left text");
    int shown = 0;
    for (int index = 0; index < trace.records().size(); index++) {
      CanvasImage canvas = trace.canvasAfterRecord(index);
      switch (trace.records().get(index)) {
        case TraceRecord.Step _ ->
            println(
                text,
                String.format(Locale.ROOT, "%4d %4d ", shown++, masked(canvas))
                    + line(canvas, text));
        case TraceRecord.Event event ->
            println(
                text,
                String.format(Locale.ROOT, "   > %4d ", masked(canvas))
                    + event.name()
                    + ": "
                    + event.cause());
        case TraceRecord.End end ->
            System.out.printf(
                "%s after %d forwards%s%n",
                end.complete() ? "complete" : "stopped",
                end.forwards(),
                Wording.idle(trace.idleSteps()));
      }
    }
    text.lines(trace.last(), "text      ").forEach(System.out::println);
  }

  private static String options(Map<String, Object> options) {
    StringBuilder text = new StringBuilder();
    options.forEach((name, value) -> text.append(name).append('=').append(value).append(' '));
    return text.toString().strip();
  }

  private static String line(CanvasImage canvas, TraceText text) {
    StringBuilder line = new StringBuilder();
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      line.append(text.piece(canvas, position));
    }
    return line.toString();
  }

  private static void showStep(Trace trace, TraceText text, int number) {
    TraceRecord.Step shown = trace.step(number);
    CanvasImage before = trace.canvasBefore(number);
    CanvasImage after = trace.canvasAfterRecord(trace.indexOfStep(number));
    System.out.printf(
        Locale.ROOT,
        "step %d of %d, block %d, %d masked after it, %.2f ms%n",
        number,
        trace.steps(),
        shown.at().block(),
        masked(after),
        shown.nanos() / 1e6);
    text.lines(after, "  ").forEach(System.out::println);
    System.out.printf(
        "%-9s %8s  %-14s %-14s %10s %8s %7s%n",
        "", "position", "before", "after", "confidence", "entropy", "margin");
    for (Commit commit : shown.commits()) {
      row(text, "committed", before, commit);
    }
    for (Commit edit : shown.edits()) {
      row(text, "edited", before, edit);
    }
    for (int position : shown.remasked()) {
      System.out.printf(
          "%-9s %8d  %-14s%n",
          "remasked",
          position - before.promptLength(),
          text.quoted(before.id(position), PIECE_WIDTH));
    }
  }

  private static void row(TraceText text, String what, CanvasImage before, Commit commit) {
    int position = commit.position();
    String old =
        before.state(position).isOpen() ? "masked" : text.quoted(before.id(position), PIECE_WIDTH);
    System.out.printf(
        Locale.ROOT,
        "%-9s %8d  %-14s %-14s %10.6f %8.4f %7.4f%n",
        what,
        position - before.promptLength(),
        old,
        text.quoted(commit.token(), PIECE_WIDTH),
        commit.confidence(),
        commit.entropy(),
        commit.margin());
  }

  private static void showDifference(Trace trace, TraceText text, int from, int to) {
    CanvasImage some = trace.canvasAfterRecord(trace.indexOfStep(from));
    CanvasImage other = trace.canvasAfterRecord(trace.indexOfStep(to));
    System.out.printf("after step %d%n", from);
    text.lines(some, "  ").forEach(System.out::println);
    System.out.printf("after step %d%n", to);
    text.lines(other, "  ").forEach(System.out::println);
    int differences = 0;
    for (int position = some.promptLength(); position < some.length(); position++) {
      if (some.id(position) != other.id(position)
          || some.state(position) != other.state(position)) {
        if (differences++ == 0) {
          System.out.printf("%8s  %-16s %-16s%n", "position", "step " + from, "step " + to);
        }
        System.out.printf(
            "%8d  %-16s %-16s%n",
            position - some.promptLength(),
            described(text, some, position),
            described(text, other, position));
      }
    }
    System.out.printf("%d positions differ%n", differences);
  }

  private static String described(TraceText text, CanvasImage canvas, int position) {
    return canvas.state(position).isOpen()
        ? "masked"
        : text.quoted(canvas.id(position), PIECE_WIDTH);
  }

  private static int masked(CanvasImage canvas) {
    return canvas.open(canvas.promptLength(), canvas.length()).length;
  }

  private static void println(TraceText text, String line) {
    System.out.println(text.cut(line));
  }
}
