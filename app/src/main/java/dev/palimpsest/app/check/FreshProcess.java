package dev.palimpsest.app.check;

import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;

/** This program once more, in a process of its own that shares nothing with this one. */
final class FreshProcess {
  private static final List<String> PROPERTIES =
      List.of("palimpsest.home", "ai.djl.offline", "RUST_FLAVOR");

  private FreshProcess() {}

  /**
   * Runs a command to its end.
   *
   * @param program this one's class with {@code main}
   */
  static Result run(Class<? extends Cli> program, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(each -> !each.startsWith("-agentlib") && !each.startsWith("-javaagent"))
        .filter(each -> !each.startsWith("-Dpalimpsest.terminal"))
        .filter(each -> !each.startsWith("-Dpalimpsest.stderr"))
        .forEach(command::add);
    // Properties that were set otherwise than on the command line.
    for (String property : PROPERTIES) {
      String value = System.getProperty(property);
      if (value != null) {
        command.add("-D" + property + "=" + value);
      }
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(arguments);
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .redirectInput(ProcessBuilder.Redirect.PIPE)
              .start();
      process.getOutputStream().close();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Result(process.waitFor(), out.strip(), process.pid());
    } catch (IOException e) {
      throw new UncheckedIOException("no fresh process: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("waiting for a fresh process was interrupted");
    }
  }

  /**
   * How the process ended.
   *
   * @param code 0 for success
   * @param out its standard output
   * @param id of the process
   */
  record Result(int code, String out, long id) {}
}
