package dev.palimpsest.lab.lens;

import dev.palimpsest.step.Prediction;
import java.util.List;

/**
 * What a logit lens saw of one step: what the last norm and the head make of the residual stream
 * after every block.
 *
 * @param step its index
 * @param positions in the canvas that were read, ascending: masked when the step began
 * @param blocks of every block, a prediction for each position, whose target is the token that
 *     stands there in the end
 */
public record LensStep(int step, int[] positions, List<List<Prediction>> blocks) {
  /** Takes its own copy. */
  public LensStep {
    blocks = blocks.stream().map(List::copyOf).toList();
  }
}
