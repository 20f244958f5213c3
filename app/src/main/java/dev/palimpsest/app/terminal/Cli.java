package dev.palimpsest.app.terminal;

import java.nio.file.Path;

/** The command line as its commands see it. */
public interface Cli {
  String VERSION = "0.1.0";

  /** The exit code of a command that found something wrong. */
  int FAILURE = 1;

  /** The exit code of a command that was called wrongly. */
  int USAGE = 2;

  /** Whether {@code --verbose} was given. */
  boolean isVerbose();

  /** The folder of the project: bundled models lie below it. */
  static Path home() {
    return Path.of(System.getProperty("palimpsest.home", "."));
  }
}
