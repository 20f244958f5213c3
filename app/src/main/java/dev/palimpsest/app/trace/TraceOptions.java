package dev.palimpsest.app.trace;

import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.provenance.Processor;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;
import dev.palimpsest.sampler.trace.TraceRelay;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Whether a generation is recorded, and how much of it. */
public final class TraceOptions {
  /** Steps that may wait to be written. */
  public static final int MOST_WAITING = 64;

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description =
          "Record every step in FILE, as NAME.trace.jsonl; packed with zstd if the name ends in"
              + " .zst.")
  private Optional<Path> file;

  @Mixin private TraceDetail detail;

  /** Refuses to record over a file that is read. */
  public void requireNoInput(CommandSpec spec, List<Path> inputs) throws IOException {
    if (file.isPresent()) {
      Replacement.requireNoInput(spec, "--trace", file.get(), inputs);
    }
  }

  /** The model as the trace needs it. */
  public Denoiser denoiser(Denoiser model) {
    return model.naming(detail.alternatives());
  }

  /**
   * Begins a recording of a run at its first step, if one is wanted.
   *
   * @param inside what is changed inside its steps
   */
  public Recording begin(Model model, ModelOptions modelOptions, Run run, List<String> inside) {
    return new Recording(
        file.map(
            path ->
                TraceWriter.open(
                    path,
                    header(model, modelOptions, run).changedInside(inside),
                    model.tokenizer()::piece,
                    detail.withPredictions())));
  }

  /** What a trace of this run says of where it came from. */
  public static TraceHeader header(Model model, ModelOptions modelOptions, Run run) {
    return header(model, ModelFiles.identity(modelOptions.folder()), run);
  }

  /** What a trace of this run says of where it came from, of a model whose identity is known. */
  public static TraceHeader header(Model model, TraceHeader.ModelIdentity identity, Run run) {
    return TraceHeader.of(Cli.VERSION, identity, machine(model), promises(model), run);
  }

  private static List<String> promises(Model model) {
    return TraceHeader.PROMISES.stream()
        .filter(
            promise ->
                model.transformer().isBatchInvariant()
                    || !promise.equals(TraceHeader.BATCH_INVARIANT))
        .toList();
  }

  /** What computes a model. */
  public static TraceHeader.Machine machine(Model model) {
    return new TraceHeader.Machine(
        model.transformer().describeBackend(),
        Processor.name(),
        model.transformer().precision().name().toLowerCase(Locale.ROOT),
        Optional.of(model.transformer().arithmetic()));
  }

  /**
   * A trace being written, or none. It is written on a thread of its own, so that a run waits for a
   * slow disk only when many steps do.
   */
  public record Recording(
      Optional<TraceWriter> writer, TraceRelay relay, Optional<TraceRelay.Track> track)
      implements AutoCloseable {
    Recording(Optional<TraceWriter> writer) {
      this(writer, new TraceRelay(MOST_WAITING));
    }

    private Recording(Optional<TraceWriter> writer, TraceRelay relay) {
      this(writer, relay, writer.map(relay::to));
    }

    /** Records what it hears, then lets another one hear of the steps. */
    public TraceListener and(SnapshotListener other) {
      return new TraceListener() {
        @Override
        public void snapshot(Snapshot snapshot) {
          track.ifPresent(each -> each.snapshot(snapshot));
          other.snapshot(snapshot);
        }

        @Override
        public void event(TraceRecord.Event event, CanvasImage after) {
          track.ifPresent(each -> each.event(event, after));
        }
      };
    }

    public void end(Generation generation) {
      track.ifPresent(TraceRelay.Track::flush);
      writer.ifPresent(each -> each.end(generation.complete(), generation.canvas()));
    }

    @Override
    public void close() {
      relay.close();
      writer.ifPresent(TraceWriter::close);
    }
  }
}
