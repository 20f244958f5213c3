package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.OptionalInt;

/**
 * A transformer as data: pre-norm RMS blocks with rotary attention and a SwiGLU feed-forward, dense
 * or of experts.
 *
 * @param family the family's name
 * @param layers number of blocks
 * @param hidden width of the residual stream
 * @param normEpsilon RMSNorm's epsilon
 * @param attention of every block
 * @param feedForward of every block
 * @param vocabulary rows of the embedding and of the head
 * @param tiedHead whether the head is the embedding
 * @param maxLength longest sequence, prompt and canvas together
 * @param reading how the output is read
 */
public record ModelSpec(
    String family,
    int layers,
    int hidden,
    double normEpsilon,
    Attention attention,
    FeedForward feedForward,
    int vocabulary,
    boolean tiedHead,
    int maxLength,
    Reading reading) {

  /** Number of weights, counting a tied head once. */
  public long parameters() {
    return parameters(feedForward.experts().map(Experts::count).orElse(0));
  }

  /**
   * Number of weights that take part in one token's prediction: of experts, the chosen ones. The
   * embedding and the head are counted whole.
   */
  public long activeParameters() {
    return parameters(feedForward.experts().map(Experts::perToken).orElse(0));
  }

  /** Number of weights with so many experts in a layer. */
  private long parameters(int experts) {
    long width = hidden;
    long total = width + (tiedHead ? 1 : 2) * width * vocabulary;
    for (int layer = 0; layer < layers; layer++) {
      total += 2 * width + attention.parameters(width);
      total += feedForward.parameters(width, layer, experts);
    }
    return total;
  }

  /**
   * Number of weights, of {@link #parameters}, that are held in f32 whatever the precision: gains,
   * biases and routers.
   */
  public long exactParameters() {
    long total = hidden;
    for (int layer = 0; layer < layers; layer++) {
      total += 2L * hidden + attention.exactParameters();
      total += feedForward.routerParameters(hidden, layer);
    }
    return total;
  }

  /** The id of a masked position. */
  public int maskId() {
    return reading
        .ids()
        .mask()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "a " + family + " model has no mask: it writes from left to right"));
  }

  /** The id that usually ends a text. */
  public int eosId() {
    if (reading.ids().eos().isEmpty()) {
      throw new IllegalStateException("the model's config.json names no eos_token_id");
    }
    return reading.ids().eos().getFirst();
  }

  /**
   * The same weights run with another block length.
   *
   * @throws UnsupportedModelException if attention is not block-causal
   */
  public ModelSpec withBlockLength(int length) {
    if (!(attention.pattern() instanceof AttentionPattern.BlockCausal) || length < 1) {
      throw new UnsupportedModelException(
          "a block length of %d was asked for; only block-causal models take one, of 1 or more, and this is a %s model."
              .formatted(length, family));
    }
    return with(attention.withPattern(new AttentionPattern.BlockCausal(length)), reading);
  }

  /**
   * The same model as its {@code generation_config.json} recommends: its texts end with the ids
   * that are named there, of which the one that usually ends a text stays the first, and attention
   * in blocks is in blocks of that length.
   *
   * @param blockLength comes before the recommended one, where attention is in blocks
   */
  public ModelSpec recommended(GenerationConfig generationConfig, OptionalInt blockLength) {
    OptionalInt length = blockLength.isPresent() ? blockLength : generationConfig.blockLength();
    ModelSpec spec =
        length.isPresent() && attention.pattern() instanceof AttentionPattern.BlockCausal
            ? withBlockLength(length.getAsInt())
            : this;
    return generationConfig.eos().isEmpty()
        ? spec
        : spec.with(
            spec.attention, reading.withIds(reading.ids().endingWith(generationConfig.eos())));
  }

  private ModelSpec with(Attention newAttention, Reading newReading) {
    return new ModelSpec(
        family,
        layers,
        hidden,
        normEpsilon,
        newAttention,
        feedForward,
        vocabulary,
        tiedHead,
        maxLength,
        newReading);
  }
}
