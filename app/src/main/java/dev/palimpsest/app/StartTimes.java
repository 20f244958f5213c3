package dev.palimpsest.app;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** Milliseconds from the start of the process to the marks of a command. */
final class StartTimes {
  private final Instant started =
      ProcessHandle.current().info().startInstant().orElseGet(Instant::now);
  private final StringBuilder lines = new StringBuilder();

  StartTimes() {
    mark("command starts");
  }

  void mark(String event) {
    long millis = Duration.between(started, Instant.now()).toMillis();
    lines.append(String.format(Locale.ROOT, "%6d ms  %s%n", millis, event));
  }

  @Override
  public String toString() {
    return lines.toString();
  }
}
