package dev.palimpsest.api;

import static dev.palimpsest.engine.model.Circuit.chain;

import dev.palimpsest.engine.model.Circuit;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.method.BlockOptions;
import dev.palimpsest.sampler.method.DecodeOptions;
import dev.palimpsest.sampler.method.DreamOptions;
import dev.palimpsest.sampler.method.EntropyBoundOptions;
import dev.palimpsest.sampler.method.IsdOptions;
import dev.palimpsest.sampler.method.LinearSpecOptions;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.P2Options;
import dev.palimpsest.sampler.method.Remasking;
import dev.palimpsest.sampler.method.RemdmOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.method.SeededBlockOptions;
import dev.palimpsest.sampler.method.SubBlockOptions;
import dev.palimpsest.sampler.method.WedlmOptions;

/**
 * The opaque serial depth of a generation (arXiv 2603.09786): the most operations, one after the
 * other, that it can do with no token in between. Every number is an upper bound, by the rules of
 * {@link Circuit}.
 *
 * <p>It depends on what passes from step to step. Strict samplers pass tokens alone, so that no
 * chain is longer than a step, whatever the number of steps. Keys and values of finished tokens add
 * nothing to it: what reads them from a cache stands later in a forward than what made them, so a
 * chain through a cache, too, goes through each layer once.
 *
 * @param promptLength tokens of the prompt
 * @param length tokens that the last step sees, prompt and text together
 * @param steps most steps that a state would pass through if it were passed on: those of the
 *     generation, or of a block if a finished block is read as tokens alone
 * @param forward from token ids to logits
 * @param strict of a generation in which tokens alone pass from step to step: of one step, with all
 *     that any sampler of the model may do to a row and to the choice of positions
 * @param soft of a generation in which, besides, the distributions of a step would become the next
 *     one's embeddings, in the shortest form that there is: weighted by probability, those of all
 *     ids, or of as many as the options hand on
 */
public record OpaqueDepth(
    int promptLength, int length, long steps, long forward, long strict, long soft) {

  /** Of a model, a sampler and a prompt of so many tokens. */
  public static OpaqueDepth of(ModelSpec spec, SamplingOptions options, int promptLength) {
    long steps = steps(options, promptLength);
    StepCircuit step = StepCircuit.of(spec, options, promptLength);
    Circuit soft = chain(new Circuit.Scan(steps - 1, step.told()), step.whole());
    return new OpaqueDepth(
        promptLength,
        Math.addExact(promptLength, options.positions(promptLength)),
        steps,
        step.forward().depth(),
        step.whole().depth(),
        soft.depth());
  }

  /**
   * Of a generation in which the keys and values of finished tokens pass too, exactly: that of a
   * strict one.
   */
  public long cached() {
    return strict;
  }

  private static long steps(SamplingOptions options, int promptLength) {
    return switch (options) {
      case LladaOptions llada -> llada.adaptive() ? llada.genLength() : llada.steps();
      case DreamOptions dream -> dream.steps();
      case RemdmOptions remdm -> remdm.steps();
      case P2Options p2 -> p2.steps();
      case BlockOptions block -> {
        boolean counted =
            block.remasking() != Remasking.ENTROPY_BOUNDED && block.lowThreshold().isEmpty();
        int filling = counted ? block.steps() : block.blockLength();
        int editing = block.editingThreshold().isPresent() ? block.maxPostSteps() : 0;
        int chained = block.wholeCanvas() ? blocks(block, promptLength) : 1;
        yield ((long) filling + editing) * chained;
      }
      case SubBlockOptions block -> block.blockLength();
      case SeededBlockOptions block -> block.blockLength();
      case LinearSpecOptions block -> block.blockLength() + 1L;
      case WedlmOptions wedlm -> wedlm.genLength();
      case IsdOptions isd -> 1L + isd.genLength();
      case EntropyBoundOptions bound -> bound.maxDenoisingSteps();
      case DecodeOptions decode -> decode.genLength();
    };
  }

  /** Blocks that are written at least in part. */
  private static int blocks(BlockOptions block, int promptLength) {
    if (block.afterPrompt()) {
      return block.positions(promptLength) / block.blockLength();
    }
    int end = promptLength + block.positions(promptLength);
    return end / block.blockLength() - promptLength / block.blockLength();
  }
}
