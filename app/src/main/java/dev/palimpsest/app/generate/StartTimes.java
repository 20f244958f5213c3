package dev.palimpsest.app.generate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Milliseconds from the start of the process, the launcher's included, to the marks of a command.
 */
final class StartTimes {
  private static final Path STAT = Path.of("/proc/self/stat");
  private static final Path UPTIME = Path.of("/proc/uptime");
  private static final int START_FIELD = 22;
  private static final double TICKS_PER_SECOND = 100;

  private final StringBuilder lines = new StringBuilder();
  private final double started;

  StartTimes() {
    started = processStart();
    mark("command starts");
  }

  void mark(String event) {
    double seconds = uptime() - started;
    lines.append(String.format(Locale.ROOT, "%6.0f ms  %s%n", 1000 * seconds, event));
  }

  /** Seconds after the machine's start; the portable process API is off by up to a second. */
  private static double processStart() {
    try {
      String stat = Files.readString(STAT);
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      return Double.parseDouble(fields[START_FIELD - 3]) / TICKS_PER_SECOND;
    } catch (IOException e) {
      return uptime();
    }
  }

  private static double uptime() {
    try {
      return Double.parseDouble(Files.readString(UPTIME).split(" ", -1)[0]);
    } catch (IOException e) {
      return System.nanoTime() / 1e9;
    }
  }

  @Override
  public String toString() {
    return lines.toString();
  }
}
