package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import java.util.OptionalDouble;

/** Checks that options of several samplers share. */
final class Require {
  private Require() {}

  static void positive(String option, int value) {
    if (value < 1) {
      throw new InvalidOptionException(option, value, "is too small: use 1 or above");
    }
  }

  static void zeroOrAbove(String option, double value) {
    if (!(value >= 0 && Double.isFinite(value))) {
      throw new InvalidOptionException(option, value, "is invalid: use a number of 0 or above");
    }
  }

  static void probability(String option, double value) {
    if (!(value > 0 && value <= 1)) {
      throw new InvalidOptionException(option, value, "is no probability: use above 0, up to 1");
    }
  }

  /** A second threshold below the first: at or above it, it would decide nothing. */
  static void lowThreshold(double value, OptionalDouble threshold) {
    if (!(value >= 0 && value < 1)) {
      throw new InvalidOptionException(
          "low_threshold", value, "is no probability: use 0 up to below 1");
    }
    if (threshold.isPresent() && value >= threshold.getAsDouble()) {
      throw new InvalidOptionException(
          "low_threshold",
          value,
          "is not below {threshold} " + threshold.getAsDouble() + ": use less");
    }
  }

  /** Whether there is text that a causal model can go on from. */
  static void prompt(CanvasImage canvas) {
    if (canvas.promptLength() == 0) {
      throw InvalidOptionException.ofPrompt(
          "of 0 tokens", "leaves a causal model nothing to go on: give at least one");
    }
  }

  /** Whether the canvas has as many positions to fill as the options say. */
  static void positions(CanvasImage canvas, SamplingOptions options) {
    int found = canvas.length() - canvas.promptLength();
    int expected = options.positions(canvas.promptLength());
    if (found != expected) {
      throw new IllegalArgumentException(
          "the canvas has %d positions to fill where gen_length %d asks for %d"
              .formatted(found, options.genLength(), expected));
    }
  }
}
