package dev.palimpsest.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The python3 of the path, or the one that the variable PALIMPSEST_PYTHON names. */
public final class Python {
  private Python() {}

  /**
   * What it prints, both streams; empty where there is none.
   *
   * @param folder it runs in
   * @param arguments a script and what it is given
   */
  public static String run(Path folder, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Optional.ofNullable(System.getenv("PALIMPSEST_PYTHON")).orElse("python3"));
    command.addAll(List.of(arguments));
    Path out = Files.createTempFile("python", ".txt");
    try {
      new ProcessBuilder(command)
          .directory(folder.toFile())
          .redirectErrorStream(true)
          .redirectOutput(out.toFile())
          .start()
          .waitFor();
      return Files.readString(out);
    } catch (IOException e) {
      return "";
    } finally {
      Files.delete(out);
    }
  }
}
