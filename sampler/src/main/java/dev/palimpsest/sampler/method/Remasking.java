package dev.palimpsest.sampler.method;

/** What ranks the masked positions of a step: LLaDA's {@code remasking}. */
public enum Remasking {
  /** The probability of the drawn token, without noise and without temperature. */
  LOW_CONFIDENCE,
  /** A uniform number per step and position. */
  RANDOM;

  /** The name in LLaDA's {@code generate} and on the command line. */
  public String optionName() {
    return Choice.name(this);
  }

  /**
   * The value of that name.
   *
   * @throws InvalidOptionException if there is none
   */
  public static Remasking parse(String name) {
    return Choice.parse("--remasking", name, Remasking.class);
  }
}
