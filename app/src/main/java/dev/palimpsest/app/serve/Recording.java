package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.sampler.trace.TraceWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A trace that is written while its text is, on the store's thread for all traces. A disk that
 * fails ends the trace and not the text.
 */
final class Recording implements TraceListener {
  private static final Logger LOG = LoggerFactory.getLogger(Recording.class);

  private final String id;
  private final Path file;
  private final TraceHeader header;
  private final Optional<Beginning> beginning;
  private final IntFunction<String> pieces;
  private final Executor thread;

  // The thread's own.
  private boolean opened;
  private @Nullable TraceWriter writer;

  /**
   * What it shares with another trace.
   *
   * @param trace that it branches off
   * @param step the first that is not shared
   */
  record Beginning(Trace trace, int step) {}

  /**
   * A recording, which {@link #open} begins.
   *
   * @param id the name that it is found by
   * @param thread does everything in order
   */
  Recording(
      String id,
      Path file,
      TraceHeader header,
      Optional<Beginning> beginning,
      IntFunction<String> pieces,
      Executor thread) {
    this.id = id;
    this.file = file;
    this.header = header;
    this.beginning = beginning;
    this.pieces = pieces;
    this.thread = thread;
  }

  String id() {
    return id;
  }

  /** Begins the file, unless it has begun. */
  void open() {
    thread.execute(
        () -> {
          if (!opened) {
            opened = true;
            kept(this::begin);
          }
        });
  }

  private void begin() {
    TraceWriter begun = TraceWriter.open(file, header, pieces, false);
    writer = begun;
    beginning.ifPresent(shared -> begun.share(shared.trace(), shared.step()));
  }

  @Override
  public void snapshot(Snapshot snapshot) {
    write(each -> each.snapshot(snapshot));
  }

  @Override
  public void event(TraceRecord.Event event, CanvasImage after) {
    write(each -> each.event(event, after));
  }

  /** Ends the trace with what was written. */
  void end(Generation generation) {
    write(each -> each.end(generation.complete(), generation.canvas()));
  }

  /**
   * Lets go of the file, whether the trace has an end or not.
   *
   * @param then happens after it
   */
  void close(Runnable then) {
    write(TraceWriter::close);
    thread.execute(
        () -> {
          writer = null;
          then.run();
        });
  }

  private void write(Consumer<TraceWriter> what) {
    thread.execute(
        () -> {
          TraceWriter open = writer;
          if (open != null) {
            kept(() -> what.accept(open));
          }
        });
  }

  private void kept(Runnable write) {
    try {
      write.run();
    } catch (RuntimeException e) {
      writer = null;
      LOG.warn("{} The text is written without it.", e.getMessage());
    }
  }
}
