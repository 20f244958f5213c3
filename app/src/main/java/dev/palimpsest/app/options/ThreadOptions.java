package dev.palimpsest.app.options;

import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How many threads compute. */
public final class ThreadOptions {
  private static final int MOST = 1024;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that compute; all cores if not given.")
  private Optional<Integer> threads;

  int count() {
    int count = threads.orElseGet(Runtime.getRuntime()::availableProcessors);
    if (count < 1 || count > MOST) {
      throw new ParameterException(
          spec.commandLine(), "--threads " + count + " is invalid: use 1 to " + MOST);
    }
    return count;
  }
}
