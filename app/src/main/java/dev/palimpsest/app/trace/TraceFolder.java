package dev.palimpsest.app.trace;

import dev.palimpsest.app.file.Problem;
import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.options.ModelOptions;
import dev.palimpsest.engine.Model;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceRelay;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * Whether every generation is recorded, in a file of its own. All are written on one thread, so
 * that the steps wait for a slow disk only when many do.
 */
public final class TraceFolder {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--trace-dir",
      paramLabel = "FOLDER",
      description =
          "Record every generation in FOLDER, as ID.trace.jsonl, for the trace commands; what is no"
              + " letter or digit in an id is written as in an address (%%20). A trace appears when"
              + " it is whole.")
  private Optional<Path> folder;

  @Mixin private TraceDetail detail;

  /** Temporary files that no trace is in: their names are used again, so that few are ever made. */
  private final Deque<Path> free = new ArrayDeque<>();

  private final TraceRelay relay = new TraceRelay(TraceOptions.MOST_WAITING);

  private int made;
  private @Nullable TraceHeader first;

  /**
   * Makes the folder for the traces of problems.
   *
   * @throws ParameterException if two problems would have one file, or a file is one of the inputs
   */
  public void prepare(List<Problem> problems, List<Path> inputs) throws IOException {
    if (folder.isEmpty()) {
      return;
    }
    Set<String> ids = new HashSet<>();
    for (Problem problem : problems) {
      if (!ids.add(problem.id())) {
        throw new ParameterException(
            spec.commandLine(),
            "--trace-dir names traces by the ids of problems, and two have the id "
                + problem.id()
                + ": give every problem its own");
      }
    }
    prepare();
    for (Problem problem : problems) {
      Replacement.requireNoInput(spec, "--trace-dir", file(folder.get(), problem.id()), inputs);
    }
  }

  /**
   * Makes the folder for traces whose ids are not known yet: of those with one id the last stays.
   */
  public void prepare() throws IOException {
    if (folder.isPresent()) {
      Files.createDirectories(folder.get());
    }
  }

  private static Path file(Path folder, String id) {
    String name = URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    return folder.resolve(name + ".trace.jsonl");
  }

  /** The id that a trace is named by; of any other trace its name. */
  static String id(Path file) {
    String name = file.getFileName().toString().replaceFirst("\\.trace\\.jsonl(\\.zst)?$", "");
    try {
      return URLDecoder.decode(name.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      return name;
    }
  }

  /** Whether there is nothing to record of this id any more. */
  public boolean has(String id) {
    return folder.isEmpty() || Files.exists(file(folder.get(), id));
  }

  /** The model as the traces need it. */
  public Denoiser denoiser(Model model) {
    return folder.isEmpty()
        ? model.transformer()
        : model.transformer().naming(detail.alternatives());
  }

  /** Begins a recording, if one is wanted. */
  public Recording begin(Model model, ModelOptions modelOptions, String id, Run run) {
    if (folder.isEmpty()) {
      return new Recording(Optional.empty());
    }
    if (first == null) {
      first = TraceOptions.header(model, modelOptions, run);
    }
    TraceHeader header =
        TraceHeader.of(first.engine(), first.model(), first.machine(), first.promises(), run);
    Path target = file(folder.get(), id);
    Path temporary =
        free.isEmpty()
            ? Replacement.temporary(folder.get().resolve(made++ + ".trace.jsonl"))
            : free.pop();
    TraceWriter writer =
        TraceWriter.open(temporary, header, model.tokenizer()::piece, detail.withPredictions());
    return new Recording(
        Optional.of(new Pending(target, temporary, writer, relay.to(writer), free)));
  }

  /** A trace on its way to its place. */
  private record Pending(
      Path target, Path temporary, TraceWriter writer, TraceRelay.Track track, Deque<Path> free) {
    void snapshot(Snapshot snapshot) {
      try {
        track.snapshot(snapshot);
      } catch (UncheckedIOException e) {
        throw Replacement.ofTarget(e, temporary, target);
      }
    }

    void end(Generation generation) throws IOException {
      try (writer) {
        track.flush();
        writer.end(generation.complete(), generation.canvas());
      } catch (UncheckedIOException e) {
        throw Replacement.ofTarget(e, temporary, target);
      }
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
      free.push(temporary);
    }

    void abandon() throws IOException {
      try (writer) {
        track.flush();
      } catch (UncheckedIOException e) {
        throw Replacement.ofTarget(e, temporary, target);
      } finally {
        Files.deleteIfExists(temporary);
      }
      free.push(temporary);
    }
  }

  /** A trace being written, or none. */
  public record Recording(Optional<Pending> pending) implements SnapshotListener {
    @Override
    public void snapshot(Snapshot snapshot) {
      pending.ifPresent(each -> each.snapshot(snapshot));
    }

    /** Leaves no trace of a run that failed. */
    public void abandon() throws IOException {
      if (pending.isPresent()) {
        pending.get().abandon();
      }
    }

    /** Ends the trace and moves it to its place. */
    public void end(Generation generation) throws IOException {
      if (pending.isPresent()) {
        pending.get().end(generation);
      }
    }
  }
}
