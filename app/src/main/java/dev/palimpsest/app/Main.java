package dev.palimpsest.app;

import dev.palimpsest.app.batch.BatchCommand;
import dev.palimpsest.app.battery.BatteryCommand;
import dev.palimpsest.app.check.AuditCommand;
import dev.palimpsest.app.check.DoctorCommand;
import dev.palimpsest.app.check.InspectCommand;
import dev.palimpsest.app.check.ReplayCommand;
import dev.palimpsest.app.check.VerifyCommand;
import dev.palimpsest.app.compare.CompareCommand;
import dev.palimpsest.app.eval.EvalCommand;
import dev.palimpsest.app.findings.FindingsCommand;
import dev.palimpsest.app.generate.GenerateCommand;
import dev.palimpsest.app.lens.LensCommand;
import dev.palimpsest.app.lens.ProbeCommand;
import dev.palimpsest.app.options.SamplerOptions;
import dev.palimpsest.app.score.ScoreCommand;
import dev.palimpsest.app.serve.ServeCommand;
import dev.palimpsest.app.terminal.Cli;
import dev.palimpsest.app.terminal.Notices;
import dev.palimpsest.app.terminal.StandardError;
import dev.palimpsest.app.terminal.StandardOutput;
import dev.palimpsest.app.trace.BranchCommand;
import dev.palimpsest.app.trace.TraceCommand;
import dev.palimpsest.app.trace.ViewCommand;
import dev.palimpsest.engine.Model;
import dev.palimpsest.engine.checkpoint.CheckpointException;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.model.UnsupportedModelException;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.trace.TraceException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.RunLast;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The command line: exit code 0 for success, 1 for a failure, 2 for wrong usage, and, as the shell
 * says it of any program, 130 after Ctrl-C and 141 if whoever reads standard output has gone.
 */
@Command(
    name = "palimpsest",
    description = "Runs masked-diffusion language models, every step in the open.",
    mixinStandardHelpOptions = true,
    version = "palimpsest " + Cli.VERSION,
    usageHelpAutoWidth = true,
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Cli, Runnable {
  static final int BROKEN_PIPE = 141;

  private static final List<Class<?>> COMMANDS =
      List.of(
          GenerateCommand.class,
          BatchCommand.class,
          ScoreCommand.class,
          EvalCommand.class,
          CompareCommand.class,
          ServeCommand.class,
          InspectCommand.class,
          VerifyCommand.class,
          TraceCommand.class,
          ReplayCommand.class,
          BranchCommand.class,
          AuditCommand.class,
          FindingsCommand.class,
          BatteryCommand.class,
          ViewCommand.class,
          LensCommand.class,
          ProbeCommand.class,
          DoctorCommand.class,
          HelpCommand.class,
          CompletionCommand.class);

  /** Commands that speak of all the others. */
  private static final List<Class<?>> ABOUT_ALL =
      List.of(HelpCommand.class, CompletionCommand.class);

  @Spec private CommandSpec spec;

  @Option(
      names = "--verbose",
      scope = ScopeType.INHERIT,
      description = "Show the stack trace of an error, and where the time of a start goes.")
  private boolean verbose;

  @Option(
      names = "--quiet",
      scope = ScopeType.INHERIT,
      description = "Say nothing on standard error but errors: no notices, no progress.")
  private boolean quiet;

  @Override
  public boolean isVerbose() {
    return verbose;
  }

  public static void main(String[] arguments) {
    StandardError.restore();
    StandardOutput.install();
    if (arguments.length > 0 && arguments[0].equals("generate")) {
      Thread.ofPlatform().daemon().name("palimpsest-prepare").start(Model::prepare);
    }
    System.exit(run(arguments));
  }

  /** Runs a command and returns its exit code. */
  static int run(String... arguments) {
    Main main = new Main();
    return commandLine(main, arguments)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExpandAtFiles(false) // a prompt may begin with @
        .setPosixClusteredShortOptionsAllowed(false) // or with -h
        .setParameterExceptionHandler((e, _) -> main.usage(e))
        .setExecutionExceptionHandler((e, _, _) -> main.failure(e))
        .setExecutionStrategy(main::delivered)
        .execute(arguments);
  }

  /** Runs what was called, a help text too, until all that it printed is written. */
  private int delivered(ParseResult called) {
    Notices.want(!quiet);
    try {
      int code = new RunLast().execute(called);
      System.out.flush();
      return code;
    } catch (StandardOutput.Failure e) {
      return undelivered(e);
    }
  }

  /**
   * With the command that is called, or with all: reading what one takes is a good part of a start.
   */
  static CommandLine commandLine(Main main, String... arguments) {
    CommandLine commandLine = new CommandLine(main);
    List<Class<?>> called =
        COMMANDS.stream()
            .filter(each -> arguments.length > 0 && arguments[0].equals(name(each)))
            .filter(each -> !ABOUT_ALL.contains(each))
            .toList();
    for (Class<?> each : called.isEmpty() ? COMMANDS : called) {
      commandLine.addSubcommand(each);
    }
    return commandLine.setHelpFactory(GroupedHelp::new);
  }

  private static String name(Class<?> command) {
    return command.getAnnotation(Command.class).name();
  }

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }

  private int usage(ParameterException e) {
    return report(e, WrongUsage.sentence(e), USAGE);
  }

  private int failure(Exception e) {
    return switch (e) {
      case ParameterException wrong -> usage(wrong);
      case InvalidOptionException wrong ->
          report(wrong, wrong.message(SamplerOptions::dashed), USAGE);
      case CheckpointException bad -> report(bad, String.valueOf(bad.getMessage()), FAILURE);
      case UnsupportedModelException bad -> report(bad, String.valueOf(bad.getMessage()), FAILURE);
      case DeviceException bad -> report(bad, String.valueOf(bad.getMessage()), FAILURE);
      case TraceException bad -> report(bad, String.valueOf(bad.getMessage()), FAILURE);
      case StandardOutput.Failure undelivered -> undelivered(undelivered);
      case UncheckedIOException io -> report(io, String.valueOf(io.getMessage()), FAILURE);
      case IOException io -> report(io, described(io), FAILURE);
      case ArithmeticException bad -> report(bad, String.valueOf(bad.getMessage()), FAILURE);
      default -> report(e, "unexpected: " + e + " (--verbose shows where)", FAILURE);
    };
  }

  private int undelivered(StandardOutput.Failure e) {
    return e.isBrokenPipe() ? BROKEN_PIPE : report(e, String.valueOf(e.getMessage()), FAILURE);
  }

  /** A failed access in a sentence: the exceptions of files hold no more than the file's name. */
  private static String described(IOException e) {
    return switch (e) {
      case NoSuchFileException missing ->
          missing.getFile() + ": there is no such file, or no folder for it.";
      case AccessDeniedException denied -> denied.getFile() + ": access is not permitted.";
      case FileSystemException failed when failed.getReason() != null ->
          failed.getFile() + ": " + failed.getReason() + ".";
      default -> String.valueOf(e.getMessage());
    };
  }

  private int report(Exception e, String message, int code) {
    System.err.println("palimpsest: " + message.replace('\n', ' ').strip());
    if (verbose) {
      e.printStackTrace(System.err);
    }
    return code;
  }
}
