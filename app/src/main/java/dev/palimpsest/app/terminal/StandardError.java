package dev.palimpsest.app.terminal;

import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;

/**
 * Gives the program its real standard error.
 *
 * <p>The JVM greets the Vector API with a warning that no option turns off. The launcher therefore
 * puts a filter behind descriptor 2 and keeps the real standard error in the descriptor named by
 * {@code palimpsest.stderr}. Without that property nothing changes.
 */
public final class StandardError {
  private StandardError() {}

  /** The descriptor of the real one. */
  static int descriptor() {
    return Integer.getInteger("palimpsest.stderr", 2);
  }

  /** Call first in {@code main}. */
  public static void restore() {
    String descriptor = System.getProperty("palimpsest.stderr");
    if (descriptor == null) {
      return;
    }
    Charset charset =
        Charset.forName(
            System.getProperty("stderr.encoding", Charset.defaultCharset().name()),
            Charset.defaultCharset());
    try {
      System.setErr(
          new PrintStream(new FileOutputStream("/dev/fd/" + descriptor, true), true, charset));
    } catch (FileNotFoundException e) {
      // A closed or unusual descriptor: the filtered one still passes everything on.
    }
  }
}
