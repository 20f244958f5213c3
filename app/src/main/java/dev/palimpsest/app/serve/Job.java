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
 * @param stop strings that end the text before them
 * @param logprobs alternatives that are named for every token, if log-probabilities are wanted
 * @param maxSteps steps that are taken at most, if not all
 * @param hearsSteps whether every step is told
 * @param recording the trace that is written, if one is
 */
record Job(
    Run run,
    List<String> stop,
    OptionalInt logprobs,
    OptionalInt maxSteps,
    boolean hearsSteps,
    Optional<Recording> recording) {}
