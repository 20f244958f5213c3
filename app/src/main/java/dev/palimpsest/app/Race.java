package dev.palimpsest.app;

import java.util.List;

/** A contestant that is ready to answer. */
interface Race {

  /**
   * Asks for every problem, as many at once as said, each as soon as another is done.
   *
   * @param concurrency 1 or more
   */
  Result run(List<Problem> problems, int concurrency);

  /**
   * What came of it.
   *
   * @param answers in the order of the problems
   * @param seconds from the first submission to the last completion
   */
  record Result(List<Answer> answers, double seconds) {}
}
