package dev.palimpsest.app;

/**
 * What is said on standard error beside errors: notices, progress and the canvas. {@code --quiet}
 * leaves all of it out.
 */
final class Notices {
  private static volatile boolean wanted = true;

  private Notices() {}

  /** Holds for the whole process, from before a command runs. */
  static void want(boolean wanted) {
    Notices.wanted = wanted;
  }

  static boolean areWanted() {
    return wanted;
  }

  /** Says a sentence, unless nobody wants one. */
  static void say(String sentence) {
    if (wanted) {
      System.err.println("palimpsest: " + sentence);
    }
  }
}
