package dev.palimpsest.api;

import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.util.List;

/**
 * The serial depth of a generation that was run, by the steps that it took and the rules of {@link
 * OpaqueDepth}: the most operations, one after the other, that may have gone into its text.
 *
 * @param opaque with no token in between: of the one block, or canvas, in which most could follow
 *     one another
 * @param total through tokens too: of all steps, each from what the ones before it left
 */
public record SerialDepth(long opaque, long total) {

  /**
   * Of a generation.
   *
   * @param steps that asked the model something, of each block or canvas in order
   */
  public static SerialDepth of(
      ModelSpec spec, SamplingOptions options, int promptLength, List<Integer> steps) {
    StepCircuit step = StepCircuit.of(spec, options, promptLength);
    long strict = step.whole().depth();
    long told = options.isStrict() ? 0 : step.told().depth();
    long opaque = 0;
    long total = 0;
    for (int each : steps) {
      if (each > 0) {
        opaque = Math.max(opaque, (each - 1) * told + strict);
        total += (each - 1) * Math.max(told, strict) + strict;
      }
    }
    return new SerialDepth(opaque, total);
  }
}
