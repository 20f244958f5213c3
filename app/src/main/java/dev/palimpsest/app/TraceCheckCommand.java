package dev.palimpsest.app;

import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceDamage;
import dev.palimpsest.sampler.trace.TraceException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code trace check}: whether files are what was written. */
@Command(
    name = "check",
    description = {
      "Rebuilds every canvas and checks every checksum.",
      "A damaged record is named by its number. Exits with 1 if a trace is altered or ends"
          + " early."
    },
    mixinStandardHelpOptions = true)
final class TraceCheckCommand implements Callable<Integer> {
  @Parameters(paramLabel = "TRACE", arity = "1..*", description = "Trace files.")
  private List<Path> files = List.of();

  @Override
  public Integer call() {
    int failures = 0;
    for (Path file : files) {
      failures += isWhole(file) ? 0 : 1;
    }
    return failures == 0 ? 0 : Main.FAILURE;
  }

  private static boolean isWhole(Path file) {
    try {
      Trace trace = Trace.read(file);
      if (trace.damage().isEmpty()) {
        System.out.printf(
            "%s: ok, %d records, %d steps%n", file, trace.records().size() + 1, trace.steps());
        return true;
      }
      TraceDamage damage = trace.damage().get();
      System.out.printf(
          "%s: %s, record %d: %s; the %d before it, with %d steps, are right%n",
          file,
          damage.kind() == TraceDamage.Kind.ALTERED ? "ALTERED" : "ENDS EARLY",
          damage.record(),
          damage.problem(),
          damage.record() - 1,
          trace.steps());
    } catch (TraceException e) {
      System.out.println(e.getMessage());
    }
    return false;
  }
}
