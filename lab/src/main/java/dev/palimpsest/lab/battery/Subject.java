package dev.palimpsest.lab.battery;

import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.method.DecodeOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.step.Denoiser;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * A model in the battery.
 *
 * @param name in every result
 * @param denoiser the model
 * @param generator over it
 * @param language how its ids are text
 * @param prompt the ids of a problem, as the model is asked it
 * @param options of its generations; the seed of problem 0
 * @param answer finds the answer in a text; its one group is the answer
 * @param header of one of its runs: where they are computed
 */
public record Subject(
    String name,
    Denoiser denoiser,
    Generator generator,
    Language language,
    Function<String, int[]> prompt,
    SamplingOptions options,
    Pattern answer,
    TraceHeader header) {

  /** Whether it writes from left to right, and reads only what stands before. */
  public boolean isCausal() {
    return options instanceof DecodeOptions;
  }

  /** The options with the seed of a task. */
  SamplingOptions options(Task task) {
    return options.withSeed(options.seed() + task.number());
  }
}
