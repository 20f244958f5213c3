package dev.palimpsest.app.trace;

import dev.palimpsest.app.file.Replacement;
import dev.palimpsest.app.file.TraceFiles;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code trace export}: traces as a table. */
@Command(
    name = "export",
    description = {
      "Writes traces as one table, Parquet or CSV.",
      "The name of the file says which. A row for every change of a position, or for every"
          + " prediction."
    },
    mixinStandardHelpOptions = true)
final class TraceExportCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "PATH", arity = "1..*", description = "Trace files, or folders of them.")
  private List<Path> paths = List.of();

  @Option(
      names = "--to",
      paramLabel = "FILE",
      required = true,
      description = "NAME.parquet or NAME.csv; replaced if it exists.")
  private Path target;

  @Option(
      names = "--predictions",
      description = "A row for every recorded prediction instead of every change.")
  private boolean predictions;

  @Override
  public Integer call() throws IOException {
    ExportTable.requireKind(spec, "--to", target);
    List<Path> files = TraceFiles.among(paths);
    Replacement.requireNoInput(spec, "--to", target, files);
    long rows = 0;
    try (TraceTable table = TraceTable.open(predictions)) {
      for (Path file : files) {
        Trace trace = Trace.readWhole(file);
        requireRecorded(trace);
        rows += table.add(trace);
      }
      if (rows == 0) {
        throw new TraceException(
            "%s holds nothing to export: %s was not written.".formatted(named(), target));
      }
      table.write(target);
    } catch (SQLException e) {
      throw new TraceException(target + ": the table cannot be made: " + e.getMessage(), e);
    }
    System.out.printf("%s: %d rows%n", target, rows);
    return 0;
  }

  private void requireRecorded(Trace trace) {
    boolean recorded = false;
    for (int step = 0; step < trace.steps(); step++) {
      recorded |= trace.step(step).asked().isPresent();
    }
    if (predictions && !recorded) {
      throw new TraceException(
          "%s holds no predictions: generate it with --trace-predictions. %s was not written."
              .formatted(trace.name(), target));
    }
  }

  private String named() {
    return paths.stream().map(Path::toString).collect(Collectors.joining(", "));
  }
}
