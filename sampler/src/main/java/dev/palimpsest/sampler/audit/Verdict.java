package dev.palimpsest.sampler.audit;

/**
 * What one way of doing a generation again found.
 *
 * @param check its name
 * @param passed whether every bit was the same
 * @param steps that were compared; up to the one that differs
 * @param evidence what was done, or what was not the same
 */
public record Verdict(String check, boolean passed, int steps, String evidence) {
  static Verdict passed(String check, int steps, String evidence) {
    return new Verdict(check, true, steps, evidence);
  }

  static Verdict failed(String check, int step, String difference) {
    return new Verdict(check, false, step + 1, "step " + step + ": " + difference);
  }
}
