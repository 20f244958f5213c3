package dev.palimpsest.app.trace;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code trace}: what can be done with traces without a model. */
@Command(
    name = "trace",
    description = "Shows, checks, measures, exports and imports traces.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      TraceShowCommand.class,
      TraceCheckCommand.class,
      TraceStatsCommand.class,
      TraceLegibilityCommand.class,
      TraceExportCommand.class,
      TraceImportCommand.class
    })
public final class TraceCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }
}
