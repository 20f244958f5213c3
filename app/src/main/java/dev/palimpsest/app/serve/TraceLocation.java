package dev.palimpsest.app.serve;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where traces are kept.
 *
 * @param path of the folder
 * @param temporary whether it goes when this is closed
 */
record TraceLocation(Path path, boolean temporary) implements AutoCloseable {

  /** The folder that was given, or a temporary one. */
  static TraceLocation of(Optional<Path> given) throws IOException {
    return given.isPresent()
        ? new TraceLocation(given.get(), false)
        : new TraceLocation(Files.createTempDirectory("palimpsest-traces"), true);
  }

  @Override
  public void close() throws IOException {
    if (temporary) {
      List<Path> files;
      try (Stream<Path> all = Files.list(path)) {
        files = all.toList();
      }
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(path);
    }
  }
}
