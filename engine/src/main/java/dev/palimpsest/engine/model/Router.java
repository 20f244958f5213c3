package dev.palimpsest.engine.model;

/** The rule by which a token chooses its experts and weighs them. */
public sealed interface Router {

  /**
   * The most probable experts of a softmax over all (Mixtral, OLMoE, Qwen3-MoE, LLaDA-MoE).
   *
   * @param normalized whether the chosen experts' probabilities are divided by their sum
   */
  record Softmax(boolean normalized) implements Router {}

  /**
   * DeepSeek-V3's, which LLaDA2 uses: scores are sigmoids; experts are chosen by score plus bias,
   * within the groups whose two best experts score highest together; their weights are the scores
   * without bias, divided by their sum and multiplied by the scale.
   *
   * @param groups of equally many experts
   * @param keptGroups groups that a token may choose from
   * @param biased whether there is a bias per expert
   * @param scale {@code routed_scaling_factor}
   */
  record GroupedSigmoid(int groups, int keptGroups, boolean biased, double scale)
      implements Router {}

  /**
   * Gemma 4's: it reads the residual stream, RMS-normalized and multiplied by a gain of its own and
   * {@code 1/sqrt(hidden)}; the most probable experts of a softmax over all are weighed by their
   * probabilities, divided by their sum and multiplied by a scale per expert.
   */
  record ScaledSoftmax() implements Router {}

  /** Whether a bias per expert takes part in the choice. */
  default boolean hasBias() {
    return switch (this) {
      case Softmax _, ScaledSoftmax _ -> false;
      case GroupedSigmoid sigmoid -> sigmoid.biased();
    };
  }
}
