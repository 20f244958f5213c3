package dev.palimpsest.sampler.trace;

/** A trace that cannot be used. */
public final class TraceException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** A problem in one sentence that names the file. */
  public TraceException(String problem) {
    super(problem);
  }

  /** The same, with what lies behind it. */
  public TraceException(String problem, Throwable cause) {
    super(problem, cause);
  }
}
