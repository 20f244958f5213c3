package dev.palimpsest.engine.forward;

/** What a canvas is told of the step before: one thing for each of its positions, or nothing. */
public sealed interface Conditioning {
  /** Nothing, as in a first step; always, without self-conditioning. */
  record None() implements Conditioning {}

  /**
   * An id for every position: of tokens, so a step stays a function of tokens.
   *
   * @param ids one per position of the canvas
   */
  record Tokens(int[] ids) implements Conditioning {}

  /**
   * The embeddings of a few ids, weighed by their probabilities: what no token says.
   *
   * @param alternatives that a step before has written
   */
  record Alternatives(SoftAlternatives alternatives) implements Conditioning {}

  /**
   * The embeddings of all ids, weighed by their probabilities: what no token says.
   *
   * @param signal that a step before has written
   */
  record Soft(SoftSignal signal) implements Conditioning {}
}
