package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.GenerationParameters;
import dev.palimpsest.sampler.run.Run;
import java.util.Optional;
import java.util.OptionalInt;

/** Makes jobs of what requests say. */
final class Jobs {
  private final Served served;

  Jobs(Served served) {
    this.served = served;
  }

  /**
   * A text behind a prompt.
   *
   * @param text which of the prompt's texts, from 0
   * @param logprobs alternatives that are named for every token, if log-probabilities are wanted
   */
  Job behind(int[] prompt, GenerationParameters parameters, int text, OptionalInt logprobs) {
    return of(served.run(prompt, parameters, text), parameters, logprobs, OptionalInt.empty());
  }

  /** What a run writes, from wherever it is. */
  Job of(Run run, GenerationParameters parameters, OptionalInt logprobs, OptionalInt maxSteps) {
    return new Job(
        run,
        parameters.stop(),
        logprobs,
        maxSteps,
        parameters.streaming().wanted() || parameters.returnSteps(),
        Optional.empty());
  }
}
