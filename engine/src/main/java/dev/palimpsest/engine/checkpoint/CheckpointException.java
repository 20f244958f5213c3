package dev.palimpsest.engine.checkpoint;

/**
 * A file of a checkpoint is missing, malformed or not what the model needs: one sentence says so.
 */
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** A fault found by this engine. */
  public CheckpointException(String message) {
    super(oneLine(message));
  }

  /** A fault that something else reported. */
  public CheckpointException(String message, Throwable cause) {
    super(oneLine(message), cause);
  }

  /** A name out of a file, fit for a message: quoted, cut at 120 characters, without controls. */
  static String quoted(String name) {
    return '"' + (name.length() > 120 ? name.substring(0, 120) + "…" : name) + '"';
  }

  private static String oneLine(String message) {
    return message.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
  }
}
