package dev.palimpsest.sampler.canvas;

import dev.palimpsest.step.Prediction;

/**
 * A position that a step filled, or whose id it replaced.
 *
 * @param position in the canvas
 * @param token the id written
 * @param confidence the probability of that id, without noise and without temperature; 0 for an id
 *     that was left out of the softmax
 * @param entropy of the position's distribution, in nats
 * @param margin between its two most probable ids
 */
public record Commit(int position, int token, double confidence, double entropy, double margin) {

  /** A token that comes from outside, of which no model was asked: its numbers are NaN. */
  static Commit unpredicted(int position, int token) {
    return new Commit(position, token, Double.NaN, Double.NaN, Double.NaN);
  }

  /**
   * The most probable token of a prediction, at its position; its confidence is the highest
   * probability.
   */
  public static Commit ofArgmax(int position, Prediction prediction) {
    return new Commit(
        position, prediction.argmax(), prediction.top(), prediction.entropy(), prediction.margin());
  }

  /** The drawn token of a prediction, at its position. */
  public static Commit of(int position, Prediction prediction) {
    return new Commit(
        position,
        prediction.token(),
        prediction.probability(),
        prediction.entropy(),
        prediction.margin());
  }
}
