package dev.palimpsest.app.terminal;

import java.util.Arrays;

/** The grades of a token's confidence that colours tell apart, as in LLaDA's own demo. */
public enum Confidence {
  SURE(0.7),
  LIKELY(0.3),
  UNSURE(0);

  private final double least;

  Confidence(double least) {
    this.least = least;
  }

  /** The lowest confidence of this grade. */
  public double least() {
    return least;
  }

  /**
   * The grade of a confidence.
   *
   * @param confidence a probability
   */
  public static Confidence of(double confidence) {
    return Arrays.stream(values())
        .filter(each -> confidence >= each.least)
        .findFirst()
        .orElse(UNSURE);
  }
}
