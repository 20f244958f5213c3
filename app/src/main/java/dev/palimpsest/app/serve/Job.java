package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.run.Run;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A text that is to be written: a starting canvas and a schedule, which together are a run, and
 * what is wanted of it. Every route makes these and nothing else.
 *
 * @param run at its first step, or at any other
 * @param range where the text stands that is answered with
 * @param stop strings that end the text before them
 * @param logprobs alternatives that are named for every token, if log-probabilities are wanted
 * @param maxSteps steps that are taken at most, if not all
 * @param telling which steps are told
 * @param recording the trace that is written, if one is
 */
record Job(
    Run run,
    TextRange range,
    List<String> stop,
    OptionalInt logprobs,
    OptionalInt maxSteps,
    Telling telling,
    Optional<Recording> recording) {

  /** The name of the trace that is written, if one is. */
  Optional<String> trace() {
    return recording.map(Recording::id);
  }

  /** Which steps of a text its request hears of, while it is written. */
  enum Telling {
    /** None: the end is enough. */
    NONE,
    /** The latest that it has not heard of: enough for a text that grows. */
    LATEST,
    /** Every one. */
    ALL
  }
}
