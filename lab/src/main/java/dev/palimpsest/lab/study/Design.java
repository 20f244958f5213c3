package dev.palimpsest.lab.study;

import dev.palimpsest.sampler.method.LladaOptions;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What an experiment does with every question.
 *
 * @param options of the generation that is watched and changed; the seed of question 0
 * @param at the steps before which the canvas is edited, ascending
 * @param roundSteps steps of a round of the sample–paraphrase–remask loops
 * @param rounds that follow the first one
 * @param share of the filled positions that each round masks again
 * @param plainSteps steps of the generations without a loop that the loops are compared with
 */
public record Design(
    LladaOptions options,
    List<Integer> at,
    int roundSteps,
    int rounds,
    double share,
    List<Integer> plainSteps) {

  /**
   * Steps to edit before if none are asked for: of 48 these, and of other numbers as far along.
   *
   * @param steps of a generation, at least 1
   */
  public static List<Integer> spread(int steps) {
    return IntStream.of(24, 32, 38, 42, 44, 46, 47)
        .map(each -> (int) ((long) each * steps / 48))
        .distinct()
        .boxed()
        .toList();
  }

  /** Takes its own copies and checks the steps. */
  public Design {
    if (options.adaptive()) {
      throw new IllegalArgumentException(
          "the experiment needs a fixed number of steps: leave out threshold, low_threshold and factor");
    }
    for (int step : at) {
      if (step < 0 || step >= options.steps()) {
        throw new IllegalArgumentException(
            "step %d is not in a generation of %d: use 0 to %d"
                .formatted(step, options.steps(), options.steps() - 1));
      }
    }
    at = at.stream().sorted().distinct().toList();
    plainSteps = plainSteps.stream().sorted().distinct().toList();
  }
}
