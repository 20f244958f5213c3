package dev.palimpsest.app.terminal;

import java.io.IOException;

/**
 * The last words of a command that is interrupted by Ctrl-C or told to end: what is finished, and
 * how to go on. The program then ends with the code that the signal gives it, 130 or 143.
 */
public final class Interruption implements AutoCloseable {
  private final Thread hook;

  private Interruption(Thread hook) {
    this.hook = hook;
  }

  /**
   * An interruption speaks these last words from now on, until this is closed.
   *
   * @param lastWords spoken on another thread, beside the work
   */
  public static Interruption then(LastWords lastWords) {
    Thread hook =
        Thread.ofPlatform()
            .name("palimpsest-interruption")
            .unstarted(
                () -> {
                  try {
                    lastWords.speak();
                  } catch (IOException | RuntimeException e) {
                    System.err.println("palimpsest: " + e.getMessage());
                  }
                });
    Runtime.getRuntime().addShutdownHook(hook);
    return new Interruption(hook);
  }

  /** The command is finished: it has its own last words. */
  @Override
  public void close() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      System.exit(Cli.FAILURE); // does not return: the program ends with the last words
    }
  }

  /** What is said and kept at the end. */
  public interface LastWords {
    void speak() throws IOException;
  }
}
