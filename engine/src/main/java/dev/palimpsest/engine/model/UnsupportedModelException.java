package dev.palimpsest.engine.model;

/**
 * A config.json asks for what the engine does not have: one sentence names the key and its value.
 */
public final class UnsupportedModelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The sentence. */
  public UnsupportedModelException(String message) {
    super(message);
  }
}
