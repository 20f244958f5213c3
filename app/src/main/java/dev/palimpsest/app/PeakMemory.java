package dev.palimpsest.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * The most memory that this process has held at once, as Linux counts it: heap, weights, keys and
 * values, and the memory of steps; not a GPU's. Elsewhere it is not known.
 */
final class PeakMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path RESET = Path.of("/proc/self/clear_refs");
  private static final String FIELD = "VmHWM:";

  private PeakMemory() {}

  /** Begins to count anew, where the system allows it. */
  static void reset() {
    try {
      if (Files.isWritable(RESET)) {
        Files.writeString(RESET, "5");
      }
    } catch (IOException e) {
      // The peak since the start is still an answer.
    }
  }

  /** The peak since the last reset. */
  static OptionalLong bytes() {
    try {
      for (String line :
          Files.isReadable(STATUS) ? Files.readAllLines(STATUS) : List.<String>of()) {
        if (line.startsWith(FIELD)) {
          return OptionalLong.of(1024 * Long.parseLong(line.replaceAll("[^0-9]", "")));
        }
      }
    } catch (IOException e) {
      // Not known.
    }
    return OptionalLong.empty();
  }
}
