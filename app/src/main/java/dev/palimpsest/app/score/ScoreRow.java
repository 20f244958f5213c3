package dev.palimpsest.app.score;

import dev.palimpsest.sampler.likelihood.Passage;

/** A row of the input. */
sealed interface ScoreRow {
  /** What its result is named by. */
  String id();

  /** A text whose likelihood is wanted. */
  record Asked(String id, Passage passage) implements ScoreRow {}

  /**
   * A row that cannot be read.
   *
   * @param error a sentence that says why
   */
  record Bad(String id, String error) implements ScoreRow {}
}
