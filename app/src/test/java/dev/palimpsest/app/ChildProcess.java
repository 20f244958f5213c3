package dev.palimpsest.app;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** This program in a process of its own. */
public final class ChildProcess {
  private ChildProcess() {}

  /**
   * Starts a command in a folder, with its output in the files {@code out} and {@code err} there.
   */
  public static Process start(Path home, List<String> arguments) throws IOException {
    return start(Main.class, home, arguments);
  }

  /** Starts another program so. */
  public static Process start(Class<?> program, Path home, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(each -> each.startsWith("--"))
        .forEach(command::add);
    for (String property : List.of("palimpsest.home", "ai.djl.offline", "RUST_FLAVOR")) {
      command.add("-D" + property + "=" + System.getProperty(property));
    }
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    command.addAll(arguments);
    return new ProcessBuilder(command)
        .directory(home.toFile())
        .redirectOutput(home.resolve("out").toFile())
        .redirectError(home.resolve("err").toFile())
        .start();
  }
}
