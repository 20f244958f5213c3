package dev.palimpsest.app.terminal;

/**
 * What is said on standard error beside errors: notices, progress and the canvas. {@code --quiet}
 * leaves all of it out.
 */
public final class Notices {
  private static volatile boolean wanted = true;

  private Notices() {}

  /** Sets whether notices are wanted: for the whole process, before a command runs. */
  public static void want(boolean wanted) {
    Notices.wanted = wanted;
  }

  public static boolean areWanted() {
    return wanted;
  }

  /** Says a sentence, unless nobody wants one. */
  public static void say(String sentence) {
    if (wanted) {
      System.err.println("palimpsest: " + sentence);
    }
  }
}
