package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A transformer as data: pre-norm RMS blocks with rotary attention and a SwiGLU feed-forward, dense
 * or of experts.
 *
 * @param family the family's name
 * @param vocabulary rows of the embedding and of the head
 * @param hidden width of the residual stream
 * @param layers number of blocks
 * @param heads query heads
 * @param keyValueHeads key and value heads; divides {@code heads}
 * @param headSize width of a head
 * @param projectionBias whether query, key and value projections have biases
 * @param headNorm whether every query and key head is RMS-normalized before its rotation
 * @param rotary rotary positions
 * @param pattern which keys a query sees
 * @param feedForward inner width of a dense feed-forward
 * @param experts of the layers that are not dense, if any
 * @param normEpsilon RMSNorm's epsilon
 * @param maxLength longest sequence, prompt and canvas together
 * @param tiedHead whether the head is the embedding
 * @param shifted whether the output at a position is the prediction of the next one: the prediction
 *     of position p is then read at p - 1, and that of position 0 at 0. Never set for a causal
 *     model, whose predictions are of what follows by definition.
 * @param countsPadding whether the published code counts left padding in positions, as LLaDA's
 *     does; elsewhere a padded row starts at position 0 with its first token
 * @param ids mask, end and padding
 */
public record ModelSpec(
    String family,
    int vocabulary,
    int hidden,
    int layers,
    int heads,
    int keyValueHeads,
    int headSize,
    boolean projectionBias,
    boolean headNorm,
    Rotary rotary,
    AttentionPattern pattern,
    int feedForward,
    Optional<Experts> experts,
    double normEpsilon,
    int maxLength,
    boolean tiedHead,
    boolean shifted,
    boolean countsPadding,
    TokenIds ids) {

  /** Whether a layer's feed-forward is dense. */
  public boolean isDense(int layer) {
    return experts.isEmpty() || layer < experts.get().denseLayers();
  }

  /** Number of weights, counting a tied head once. */
  public long parameters() {
    long experts = this.experts.map(each -> (long) each.count()).orElse(0L);
    return parameters(experts) + (tiedHead ? 0 : (long) vocabulary * hidden);
  }

  /**
   * Number of weights that take part in one token's prediction: of experts, the chosen ones. The
   * embedding and the head are counted whole.
   */
  public long activeParameters() {
    long experts = this.experts.map(each -> (long) each.perToken()).orElse(0L);
    return parameters(experts) + (tiedHead ? 0 : (long) vocabulary * hidden);
  }

  /**
   * Number of weights, of {@link #parameters}, that are held in f32 whatever the precision: gains,
   * biases and routers.
   */
  public long exactParameters() {
    long keys = (long) keyValueHeads * headSize;
    long block = 2L * hidden;
    block += projectionBias ? (long) heads * headSize + 2 * keys : 0;
    block += headNorm ? 2L * headSize : 0;
    long total = hidden + layers * block;
    for (int layer = 0; layer < layers; layer++) {
      total += isDense(layer) ? 0 : router();
    }
    return total;
  }

  private long router() {
    Experts mixture = experts.orElseThrow();
    return (long) mixture.count() * (hidden + (mixture.router().hasBias() ? 1 : 0));
  }

  /** Embedding, blocks with so many experts each, and the final norm. */
  private long parameters(long expertsCounted) {
    long queries = (long) heads * headSize;
    long keys = (long) keyValueHeads * headSize;
    long block = 2L * hidden + hidden * (2 * queries + 2 * keys);
    block += projectionBias ? queries + 2 * keys : 0;
    block += headNorm ? 2L * headSize : 0;
    long total = (long) vocabulary * hidden + hidden + layers * block;
    for (int layer = 0; layer < layers; layer++) {
      total += isDense(layer) ? 3L * hidden * feedForward : sparse(expertsCounted);
    }
    return total;
  }

  private long sparse(long expertsCounted) {
    Experts mixture = experts.orElseThrow();
    return router() + 3L * hidden * (expertsCounted * mixture.width() + mixture.sharedWidth());
  }

  /** The id of a masked position. */
  public int maskId() {
    return ids.mask()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "a " + family + " model has no mask: it writes from left to right"));
  }

  /** The id that usually ends a text. */
  public int eosId() {
    if (ids.eos().isEmpty()) {
      throw new IllegalStateException("the model's config.json names no eos_token_id");
    }
    return ids.eos().getFirst();
  }

  /**
   * The same weights run with another block length.
   *
   * @throws UnsupportedModelException if attention is not block-causal
   */
  public ModelSpec withBlockLength(int length) {
    if (!(pattern instanceof AttentionPattern.BlockCausal) || length < 1) {
      throw new UnsupportedModelException(
          "a block length of %d was asked for; only block-causal models take one, of 1 or more, and this is a %s model."
              .formatted(length, family));
    }
    return with(new AttentionPattern.BlockCausal(length), ids);
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
        length.isPresent() && pattern instanceof AttentionPattern.BlockCausal
            ? withBlockLength(length.getAsInt())
            : this;
    return generationConfig.eos().isEmpty()
        ? spec
        : spec.with(spec.pattern, ids.endingWith(generationConfig.eos()));
  }

  private ModelSpec with(AttentionPattern newPattern, TokenIds newIds) {
    return new ModelSpec(
        family,
        vocabulary,
        hidden,
        layers,
        heads,
        keyValueHeads,
        headSize,
        projectionBias,
        headNorm,
        rotary,
        newPattern,
        feedForward,
        experts,
        normEpsilon,
        maxLength,
        tiedHead,
        shifted,
        countsPadding,
        newIds);
  }
}
