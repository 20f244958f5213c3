package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.sampler.trace.TraceWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A trace that is written while its text is: first by the request's thread, which hands it over to
 * the driver's with its run. A disk that fails ends the trace and not the text.
 */
final class Recording implements TraceListener {
  private static final Logger LOG = LoggerFactory.getLogger(Recording.class);

  private final String id;
  private final Path file;
  private final TraceHeader header;
  private final Optional<Beginning> beginning;
  private final IntFunction<String> pieces;
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
   */
  Recording(
      String id,
      Path file,
      TraceHeader header,
      Optional<Beginning> beginning,
      IntFunction<String> pieces) {
    this.id = id;
    this.file = file;
    this.header = header;
    this.beginning = beginning;
    this.pieces = pieces;
  }

  String id() {
    return id;
  }

  /** Begins the file, unless it has begun. */
  void open() {
    if (opened) {
      return;
    }
    opened = true;
    try {
      TraceWriter begun = TraceWriter.open(file, header, pieces, false);
      writer = begun;
      beginning.ifPresent(shared -> begun.share(shared.trace(), shared.step()));
    } catch (UncheckedIOException e) {
      fail(e);
    }
  }

  @Override
  public void snapshot(Snapshot snapshot) {
    write(each -> each.snapshot(snapshot));
  }

  @Override
  public void event(TraceRecord.Event event, CanvasImage after) {
    write(each -> each.event(event, after));
  }

  void end(Generation generation) {
    write(each -> each.end(generation.complete(), generation.canvas()));
  }

  /** Lets go of the file, whether the trace has an end or not. */
  void close() {
    write(TraceWriter::close);
    writer = null;
  }

  private void write(Consumer<TraceWriter> what) {
    TraceWriter open = writer;
    if (open != null) {
      try {
        what.accept(open);
      } catch (UncheckedIOException e) {
        writer = null;
        fail(e);
      }
    }
  }

  private static void fail(UncheckedIOException e) {
    LOG.warn("{} The text is written without it.", e.getMessage());
  }
}
