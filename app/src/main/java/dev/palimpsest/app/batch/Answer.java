package dev.palimpsest.app.batch;

import dev.palimpsest.sampler.run.Generation;
import java.util.Optional;

/** What becomes of a row that was asked: one text or several, each of a run of its own. */
interface Answer {
  /**
   * A run has ended.
   *
   * @param text which of the texts it wrote, from 0
   * @return the result, if it was the last
   */
  Optional<Result> ended(int text, Generation generation);

  /** A run has thrown: no text is waited for any more. */
  Result failed(RuntimeException failure);

  /**
   * A row's result.
   *
   * @param row its number
   * @param id its id
   * @param line with its line end
   * @param tokens of all its texts
   * @param nfe forwards run
   * @param error why there is no text
   */
  record Result(long row, String id, byte[] line, long tokens, long nfe, Optional<String> error) {}
}
