package dev.palimpsest.app.trace;

import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.sampler.trace.TextTrace;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceDamage;
import dev.palimpsest.sampler.trace.TraceException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code trace check}: whether files are what was written. */
@Command(
    name = "check",
    description = {
      "Rebuilds every canvas and checks every checksum.",
      "A damaged record is named by its number. Exits with 1 if a trace is altered or cannot be"
          + " read, and with 3 if the worst is that one ends early: what a killed run leaves is a"
          + " valid beginning."
    },
    mixinStandardHelpOptions = true)
final class TraceCheckCommand implements Callable<Integer> {
  private static final int ENDS_EARLY = 3;

  @Parameters(paramLabel = "TRACE", arity = "1..*", description = "Trace files.")
  private List<Path> files = List.of();

  @Override
  public Integer call() {
    Set<Integer> codes = new TreeSet<>();
    for (Path file : files) {
      codes.add(check(file));
    }
    return codes.contains(Cli.FAILURE) ? Cli.FAILURE : Collections.max(codes);
  }

  /** The exit code for one file. */
  private static int check(Path file) {
    try {
      if (TextTrace.isIn(file)) {
        TextTrace trace = TextTrace.read(file);
        int frames = trace.frames().size();
        return report(file, trace.damage(), frames + 2, "%d frames".formatted(frames));
      }
      Trace trace = Trace.read(file);
      String inside =
          trace.header().inside().isEmpty()
              ? ""
              : ", changed inside (%s): no guarantee is claimed of them"
                  .formatted(String.join("; ", trace.header().inside()));
      return report(
          file,
          trace.damage(),
          trace.records().size() + 1,
          "%d steps".formatted(trace.steps()) + inside);
    } catch (TraceException e) {
      System.out.println(e.getMessage());
      return Cli.FAILURE;
    }
  }

  private static int report(Path file, Optional<TraceDamage> damage, int records, String content) {
    if (damage.isEmpty()) {
      System.out.printf("%s: ok, %d records, %s%n", file, records, content);
      return 0;
    }
    boolean altered = damage.get().kind() == TraceDamage.Kind.ALTERED;
    System.out.printf(
        "%s: %s, record %d: %s; the %d before it, with %s, are right%n",
        file,
        altered ? "ALTERED" : "ENDS EARLY",
        damage.get().record(),
        damage.get().problem(),
        damage.get().record() - 1,
        content);
    return altered ? Cli.FAILURE : ENDS_EARLY;
  }
}
