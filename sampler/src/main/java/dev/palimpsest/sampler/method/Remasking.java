package dev.palimpsest.sampler.method;

import java.util.List;

/**
 * What a sampler does about its masks at a step: the values of {@code remasking} of all samplers
 * that have it, each of one sampler.
 */
public enum Remasking {
  /** LLaDA: the highest probability of the drawn token, without noise and temperature. */
  LOW_CONFIDENCE,
  /** LLaDA: positions at random. */
  RANDOM,
  /** LLaDA: the widest gap between the two highest probabilities of a position. */
  TOPK_MARGIN,
  /** LLaDA: the lowest entropy of a position. */
  ENTROPY,
  /** SDAR: a fixed share of the block, the most confident first. */
  LOW_CONFIDENCE_STATIC,
  /** SDAR: everything above the threshold, and no less than the fixed share. */
  LOW_CONFIDENCE_DYNAMIC,
  /** SDAR: a fixed share of the block, from left to right. */
  SEQUENTIAL,
  /** SDAR: the lowest entropies, as long as they sum to less than the bound. */
  ENTROPY_BOUNDED,
  /** ReMDM: masks again with at most {@code eta}, within what the schedule allows. */
  CAP,
  /** ReMDM: masks again with {@code eta} times what the schedule allows. */
  RESCALE,
  /** ReMDM: as {@link #RESCALE}, shared out to the least confident positions. */
  CONF;

  static final List<Remasking> OF_LLADA = List.of(LOW_CONFIDENCE, RANDOM, TOPK_MARGIN, ENTROPY);

  static final List<Remasking> OF_BLOCKS =
      List.of(LOW_CONFIDENCE_STATIC, LOW_CONFIDENCE_DYNAMIC, SEQUENTIAL, ENTROPY_BOUNDED);

  static final List<Remasking> OF_REMDM = List.of(CAP, RESCALE, CONF);

  /** The name in the reference implementations. */
  public String optionName() {
    return Choice.name(this);
  }

  /**
   * Refuses what another sampler knows.
   *
   * @throws InvalidOptionException if it is none of these
   */
  void requireOneOf(List<Remasking> known) {
    Choice.parse("remasking", optionName(), known);
  }

  /**
   * The error of a switch over the values that a sampler knows: its options let no other through.
   */
  IllegalStateException unknownTo(String sampler) {
    return new IllegalStateException(sampler + " knows no remasking " + optionName());
  }
}
