package dev.palimpsest.app.batch;

/** What is wrong with a row, in a sentence. */
final class BadRow extends Exception {
  private static final long serialVersionUID = 1L;

  BadRow(String message) {
    super(message);
  }

  BadRow(String message, Throwable cause) {
    super(message, cause);
  }
}
