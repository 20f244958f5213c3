package dev.palimpsest.sampler.intervention;

import dev.palimpsest.sampler.method.BlockOptions;
import dev.palimpsest.sampler.method.DecodeOptions;
import dev.palimpsest.sampler.method.DreamOptions;
import dev.palimpsest.sampler.method.EntropyBoundOptions;
import dev.palimpsest.sampler.method.IsdOptions;
import dev.palimpsest.sampler.method.LinearSpecOptions;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.P2Options;
import dev.palimpsest.sampler.method.RemdmOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.method.SeededBlockOptions;
import dev.palimpsest.sampler.method.SubBlockOptions;
import dev.palimpsest.sampler.method.WedlmOptions;
import java.util.List;

/**
 * Interventions over a generation: sample, change, and sample again.
 *
 * @param scheduled in the order in which they act when several do
 * @param rounds how often sampling begins again after the sampler is done; 0 samples once
 * @param freshSeeds whether each round has a seed of its own, instead of the same random numbers
 */
public record Plan(List<Scheduled> scheduled, int rounds, boolean freshSeeds) {
  /** A plan that samples once and changes nothing. */
  public static final Plan NONE = new Plan(List.of(), 0, false);

  /** Takes its own copy. */
  public Plan {
    if (rounds < 0) {
      throw new IllegalArgumentException("rounds is " + rounds + ": use 0 or above");
    }
    scheduled = List.copyOf(scheduled);
  }

  /**
   * The most steps of a round. A round that an intervention keeps from its end is stopped here, so
   * that every generation ends.
   *
   * @param length positions of prompt and text together
   */
  static int mostSteps(SamplingOptions options, int length) {
    return switch (options) {
      case LladaOptions llada -> llada.adaptive() ? llada.genLength() : llada.steps();
      case DreamOptions dream -> dream.steps();
      case RemdmOptions remdm -> remdm.steps();
      case P2Options p2 -> p2.steps();
      case DecodeOptions decode -> decode.genLength();
      case SubBlockOptions _, SeededBlockOptions _ -> length;
      case WedlmOptions wedlm -> wedlm.genLength();
      case IsdOptions isd -> 1 + isd.genLength();
      case LinearSpecOptions spec ->
          1 + spec.genLength() * (spec.threshold() == 0 ? 2 : spec.blockLength() + 1);
      case EntropyBoundOptions bound ->
          (length / bound.canvasLength() + 1) * bound.maxDenoisingSteps();
      case BlockOptions block ->
          (length / block.blockLength() + 1)
              * (Math.max(block.steps(), block.blockLength()) + block.maxPostSteps());
    };
  }

  /**
   * A bound on the forwards of a generation. Each of its {@code rounds + 1} rounds takes at most
   * {@code s} steps of one forward each, two with guidance; before the first step and after every
   * step each intervention acts at most once, and runs at most its own number of forwards.
   *
   * @param length positions of prompt and text together
   */
  public long mostForwards(SamplingOptions options, int length) {
    long steps = (rounds + 1L) * mostSteps(options, length);
    long each = scheduled.stream().mapToLong(one -> one.transform().mostForwards()).sum();
    int sequences = options instanceof LladaOptions llada && llada.cfgScale() > 0 ? 2 : 1;
    return sequences * steps + (steps + 1) * each;
  }

  /** An intervention and its time. */
  public record Scheduled(When when, StepTransform transform) {}
}
