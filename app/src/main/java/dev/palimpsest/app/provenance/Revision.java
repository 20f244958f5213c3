package dev.palimpsest.app.provenance;

import dev.palimpsest.app.terminal.Cli;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CancellationException;

/** Which sources this was built from. */
public final class Revision {
  private Revision() {}

  /** The commit, with {@code -dirty} if files differ from it; {@code unknown} without git. */
  public static String of() {
    try {
      Process process =
          new ProcessBuilder(
                  "git",
                  "-C",
                  Cli.home().toString(),
                  "describe",
                  "--always",
                  "--dirty",
                  "--exclude",
                  "*",
                  "--abbrev=12")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return process.waitFor() == 0 ? out.strip() : "unknown";
    } catch (IOException _) {
      return "unknown";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("waiting for git was interrupted");
    }
  }
}
