package dev.palimpsest.sampler.trace;

import com.github.luben.zstd.ZstdOutputStream;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Snapshot;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.function.IntFunction;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a trace while it happens. A call returns when its record has reached the file, so that
 * what a killed process leaves is a valid beginning; a {@link TraceRelay} makes the calls on
 * another thread.
 */
public final class TraceWriter implements TraceListener, AutoCloseable {
  private static final String PACKED = ".zst";
  private static final int ZSTD_LEVEL = 6;

  private final String name;
  private final OutputStream out;
  private final IntFunction<String> pieces;
  private final boolean predictions;
  private final BitSet named = new BitSet();
  private String chain = "";
  private int forwards;
  private long elapsedNanos;

  /**
   * Begins a trace.
   *
   * @param file compressed with zstd if its name ends in {@code .zst}; replaced if it exists
   * @param pieces the text of an id
   * @param predictions whether to record what every asked row was told
   * @throws UncheckedIOException if the file cannot be written
   */
  public static TraceWriter open(
      Path file, TraceHeader header, IntFunction<String> pieces, boolean predictions) {
    boolean packed = file.toString().endsWith(PACKED);
    try {
      if (packed) {
        ZstdLibrary.require();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(
          "%s: the trace cannot be packed here: %s; a name without %s is written unpacked."
              .formatted(file, e.getMessage(), PACKED),
          e);
    }
    try {
      OutputStream out = Files.newOutputStream(file);
      try {
        return new TraceWriter(
            file.toString(),
            packed ? new ZstdOutputStream(out, ZSTD_LEVEL) : new BufferedOutputStream(out),
            header,
            pieces,
            predictions);
      } catch (RuntimeException | IOException e) {
        out.close();
        throw e;
      }
    } catch (IOException e) {
      throw failed(file.toString(), e);
    }
  }

  /** Begins a trace on a stream, which the writer closes. */
  public TraceWriter(
      OutputStream out, TraceHeader header, IntFunction<String> pieces, boolean predictions) {
    this("a stream", out, header, pieces, predictions);
  }

  private TraceWriter(
      String name,
      OutputStream out,
      TraceHeader header,
      IntFunction<String> pieces,
      boolean predictions) {
    this.name = name;
    this.out = out;
    this.pieces = pieces;
    this.predictions = predictions;
    ObjectNode json = TraceLines.json(header);
    for (int id : header.start().ids()) {
      name(json, id);
    }
    write(json, header.start());
  }

  @Override
  public void snapshot(Snapshot snapshot) {
    long nanos = Math.max(0, snapshot.elapsedNanos() - elapsedNanos);
    elapsedNanos = snapshot.elapsedNanos();
    write(TraceRecord.Step.of(snapshot, predictions, nanos), snapshot.canvas());
  }

  @Override
  public void event(TraceRecord.Event event, CanvasImage after) {
    write(event, after);
  }

  /** Records the end of the generation. */
  public void end(boolean complete, CanvasImage canvas) {
    write(new TraceRecord.End(complete, forwards), canvas);
  }

  /**
   * Records the beginning of another trace: everything before a step.
   *
   * @param trace with the same model and the same start
   * @param step the first that is not shared
   */
  public void share(Trace trace, int step) {
    for (int index = 0; index < trace.indexOfStep(step); index++) {
      write(trace.records().get(index), trace.canvasAfterRecord(index));
    }
  }

  private void write(TraceRecord record, CanvasImage after) {
    ObjectNode json = TraceLines.json(record);
    switch (record) {
      case TraceRecord.Step step -> {
        forwards += step.forwards();
        step.commits().forEach(commit -> name(json, commit));
        step.edits().forEach(edit -> name(json, edit));
        step.noise().forEach(each -> name(json, each.id()));
        for (int id : step.drafts().ids()) {
          name(json, id);
        }
        step.asked()
            .ifPresent(
                asked ->
                    asked
                        .predictions()
                        .forEach(
                            each -> {
                              name(json, each.token());
                              name(json, each.argmax());
                              each.alternatives().forEach(other -> name(json, other.token()));
                            }));
      }
      case TraceRecord.Event event -> {
        forwards += event.forwards();
        event.writes().values().forEach(id -> name(json, id));
      }
      case TraceRecord.End _ -> {}
    }
    write(json, after);
  }

  private void name(ObjectNode json, Commit commit) {
    name(json, commit.token());
  }

  /** Gives the text of an id in the record where the id first occurs. */
  private void name(ObjectNode json, int id) {
    if (id < 0 || named.get(id)) {
      return;
    }
    named.set(id);
    ObjectNode texts =
        json.path("pieces") instanceof ObjectNode node ? node : json.putObject("pieces");
    texts.put(String.valueOf(id), pieces.apply(id));
  }

  private void write(ObjectNode json, CanvasImage canvas) {
    try {
      chain = ChainedLines.write(out, json.put("canvas", Checksum.of(canvas)), chain);
    } catch (IOException e) {
      throw failed(name, e);
    }
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw failed(name, e);
    }
  }

  private static UncheckedIOException failed(String name, IOException e) {
    return new UncheckedIOException(
        name + ": the trace cannot be written: " + e.getMessage() + ".", e);
  }
}
