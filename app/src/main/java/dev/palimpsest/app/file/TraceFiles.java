package dev.palimpsest.app.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Which files are traces, by their names. */
public final class TraceFiles {
  private TraceFiles() {}

  public static boolean isTrace(Path file) {
    String name = file.getFileName().toString();
    return name.endsWith(".trace.jsonl") || name.endsWith(".trace.jsonl.zst");
  }

  /** Every file as it is given, and of every folder its traces, in the order of their names. */
  public static List<Path> among(List<Path> paths) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        try (Stream<Path> inside = Files.list(path)) {
          inside.filter(TraceFiles::isTrace).sorted().forEach(files::add);
        }
      } else {
        files.add(path);
      }
    }
    return files;
  }
}
