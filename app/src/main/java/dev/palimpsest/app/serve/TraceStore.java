package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.app.provenance.ModelFiles;
import dev.palimpsest.app.trace.TraceOptions;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceRelay;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The traces of a server in a folder, of which it keeps the latest. */
final class TraceStore implements AutoCloseable {
  private static final String PREFIX = "trace-";
  private static final String SUFFIX = ".trace.jsonl";

  /** Steps of all texts together that may wait to be written. */
  private static final int MOST_WAITING = 1024;

  private final Served served;
  private final Path modelFolder;
  private final Path folder;
  private final int most;
  private final Deque<String> ids = new ArrayDeque<>();
  private final TraceRelay relay = new TraceRelay(MOST_WAITING);
  private TraceHeader.@Nullable ModelIdentity identity;

  /**
   * A store.
   *
   * @param folder what it holds of earlier traces counts
   * @param most traces that are kept
   */
  TraceStore(Served served, Path modelFolder, Path folder, int most) throws IOException {
    this.served = served;
    this.modelFolder = modelFolder;
    this.folder = folder;
    this.most = most;
    Files.createDirectories(folder);
    try (Stream<Path> files = Files.list(folder)) {
      files
          .filter(TraceStore::isOurs)
          .sorted(Comparator.comparingLong(TraceStore::modified))
          .map(file -> file.getFileName().toString())
          .forEach(name -> ids.add(name.substring(0, name.length() - SUFFIX.length())));
    }
  }

  private static boolean isOurs(Path file) {
    return file.getFileName().toString().matches(PREFIX + "[0-9a-f]+\\.trace\\.jsonl");
  }

  private static long modified(Path file) {
    try {
      return Files.getLastModifiedTime(file).toMillis();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A recording of a run at its first step. */
  Recording begin(Run run) {
    return begin(TraceOptions.header(served.language().model(), identity(), run), Optional.empty());
  }

  /** A recording of a run that branches off another one. */
  Recording branch(Recording.Beginning shared, List<String> edits) {
    Trace trace = shared.trace();
    TraceHeader.Origin origin =
        new TraceHeader.Origin(
            trace.chain(trace.indexOfStep(shared.step()) - 1), shared.step(), edits);
    TraceHeader header =
        trace.header().branch(origin, TraceOptions.machine(served.language().model()));
    return begin(header, Optional.of(shared));
  }

  private Recording begin(TraceHeader header, Optional<Recording.Beginning> beginning) {
    String id = served.id(PREFIX);
    keep(id);
    return new Recording(id, file(id), header, beginning, served::piece, relay);
  }

  private synchronized void keep(String id) {
    ids.add(id);
    while (ids.size() > most) {
      try {
        Files.deleteIfExists(file(ids.removeFirst()));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private synchronized TraceHeader.ModelIdentity identity() {
    TraceHeader.ModelIdentity known = identity;
    if (known == null) {
      known = ModelFiles.identity(modelFolder);
      identity = known;
    }
    return known;
  }

  private Path file(String id) {
    return folder.resolve(id + SUFFIX);
  }

  /**
   * The file of a trace, which may still be written.
   *
   * @throws RequestException if there is none
   */
  Path find(String id) {
    boolean kept;
    synchronized (this) {
      kept = ids.contains(id);
    }
    if (!kept || !Files.isRegularFile(file(id))) {
      throw ServiceErrors.notFound(
          "There is no trace of this id: the latest %d are kept.".formatted(most));
    }
    return file(id);
  }

  /**
   * A trace as far as it is written.
   *
   * @throws RequestException if there is none
   */
  Trace read(String id) {
    return Trace.readWhole(find(id));
  }

  /**
   * A trace that this model made.
   *
   * @throws RequestException if there is none, or another model made it
   */
  Trace ofThisModel(String id) {
    Trace trace = read(id);
    if (!trace.header().model().sha256().equals(identity().sha256())) {
      throw RequestException.wrong(
          "trace",
          "The trace was made by %s, which is not what is served."
              .formatted(trace.header().model().name()));
    }
    return trace;
  }

  /** Returns when all that was to be written is. */
  @Override
  public void close() {
    relay.close();
  }
}
