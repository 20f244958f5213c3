package dev.palimpsest.app;

import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
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
    String name = target.toString().toLowerCase(Locale.ROOT);
    if (!name.endsWith(".parquet") && !name.endsWith(".csv")) {
      throw new ParameterException(
          spec.commandLine(), "--to " + target + " has an unknown kind: use .parquet or .csv");
    }
    long rows = 0;
    Path temporary = target.resolveSibling(target.getFileName() + ".part");
    try (TraceTable table = TraceTable.open(predictions)) {
      for (Path file : TraceStatsCommand.files(paths)) {
        rows += table.add(Trace.readWhole(file));
      }
      table.write(temporary, name.endsWith(".parquet"));
      Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
    } catch (SQLException e) {
      String why = String.valueOf(e.getMessage()).replace(temporary.toString(), target.toString());
      throw new TraceException(target + ": the table cannot be written: " + why, e);
    } finally {
      Files.deleteIfExists(temporary);
    }
    System.out.printf("%s: %d rows%n", target, rows);
    return 0;
  }
}
