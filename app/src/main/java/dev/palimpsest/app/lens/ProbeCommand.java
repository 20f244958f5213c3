package dev.palimpsest.app.lens;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code probe}: activations of the steps of traces. */
@Command(
    name = "probe",
    description = "Reads inside the steps of traces, and fits linear probes.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {ProbeExportCommand.class, ProbeFitCommand.class})
public final class ProbeCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }
}
