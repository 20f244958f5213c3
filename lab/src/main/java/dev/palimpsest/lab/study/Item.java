package dev.palimpsest.lab.study;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * All that an experiment measured on one question. Positions count from the end of the prompt,
 * steps from 0.
 *
 * @param problem the question's number
 * @param seed of all its generations
 * @param expected the right answer
 * @param tokens that were written, as text, up to the first that ends it
 * @param answer in it, if it has one
 * @param timing of the answer; empty if there is none
 * @param commitSteps the step that wrote each position
 * @param trials branches, by step and edit
 * @param rounds of the loops, and generations without one
 */
public record Item(
    int problem,
    long seed,
    String expected,
    List<String> tokens,
    Optional<String> answer,
    Optional<Timing> timing,
    List<Integer> commitSteps,
    List<Trial> trials,
    List<Round> rounds) {

  /** Takes its own copies. */
  public Item {
    tokens = List.copyOf(tokens);
    commitSteps = List.copyOf(commitSteps);
    trials = List.copyOf(trials);
    rounds = List.copyOf(rounds);
  }

  /** Whether the answer is the right one. */
  public boolean right() {
    return answer.equals(Optional.of(expected));
  }

  /**
   * When the answer was there.
   *
   * @param reasoningLength positions of the reasoning, which begins at 0
   * @param answerFrom the answer's first position
   * @param answerTo its last position
   * @param firstHit the first step whose estimate has the answer in its place
   * @param firstRight the first step whose estimate has the right answer
   * @param committed the step after which the answer was filled
   * @param reasoningCommitted the share of the reasoning that was filled then
   * @param estimates the answer in each step's estimate, empty where it has none
   */
  public record Timing(
      int reasoningLength,
      int answerFrom,
      int answerTo,
      OptionalInt firstHit,
      OptionalInt firstRight,
      int committed,
      OptionalDouble reasoningCommitted,
      List<String> estimates) {
    /** Takes its own copy. */
    public Timing {
      estimates = List.copyOf(estimates);
    }
  }

  /**
   * One edit of the canvas before a step, and the answer to which the generation then came.
   *
   * @param edit its name
   * @param at the first step that read the edited canvas
   * @param answerFilled positions of the answer that were filled before the edit
   * @param answerLength of all its positions
   * @param writes what was written
   * @param remasked positions masked again
   * @param answer in the end, if there is one
   * @param sameCanvas whether the canvas in the end is that of the generation without the edit
   */
  public record Trial(
      String edit,
      int at,
      int answerFilled,
      int answerLength,
      List<Write> writes,
      List<Integer> remasked,
      Optional<String> answer,
      boolean sameCanvas) {
    /** Takes its own copies. */
    public Trial {
      writes = List.copyOf(writes);
      remasked = List.copyOf(remasked);
    }
  }

  /**
   * A token that an edit replaced.
   *
   * @param position of it
   * @param old its text
   * @param now the new text
   */
  public record Write(int position, String old, String now) {}

  /**
   * The answer after a round of a loop, or of a generation without one.
   *
   * @param loop its name
   * @param round from 0; 0 for a generation without a loop
   * @param steps until then, idle ones too
   * @param nfe forwards until then, once for every sequence computed
   * @param rewritten tokens that a paraphrase replaced before the round
   * @param remasked positions masked again before the round
   * @param answer if there is one
   */
  public record Round(
      String loop,
      int round,
      int steps,
      int nfe,
      int rewritten,
      int remasked,
      Optional<String> answer) {}
}
