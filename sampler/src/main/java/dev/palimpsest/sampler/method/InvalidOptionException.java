package dev.palimpsest.sampler.method;

/**
 * An option that cannot be: one line with its name as typed, its value, and what would be valid.
 */
public final class InvalidOptionException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String option;

  InvalidOptionException(String option, Object value, String complaint) {
    super(option + " " + value + " " + complaint);
    this.option = option;
  }

  /** The option as typed on the command line, or {@code prompt}. */
  public String option() {
    return option;
  }
}
