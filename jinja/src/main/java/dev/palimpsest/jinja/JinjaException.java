package dev.palimpsest.jinja;

/** A template that cannot be read or rendered: one sentence, without a full stop, says why. */
public final class JinjaException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  JinjaException(String message) {
    super(message);
  }
}
