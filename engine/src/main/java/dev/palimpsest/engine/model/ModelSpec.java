package dev.palimpsest.engine.model;

import dev.palimpsest.step.AttentionPattern;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A transformer as data: blocks with RMS norms, rotary attention and a gated feed-forward, dense or
 * of experts.
 *
 * @param family the family's name
 * @param layers number of blocks
 * @param hidden width of the residual stream
 * @param normEpsilon RMSNorm's epsilon
 * @param attentions of every block, or one that all blocks have
 * @param feedForward of every block
 * @param vocabulary rows of the embedding and of the head
 * @param tiedHead whether the head is the embedding
 * @param maxLength longest sequence, prompt and canvas together
 * @param reading how the output is read
 * @param stream what is done to the residual stream
 * @param canvas the last tokens of a sequence, if they are apart from the others
 */
public record ModelSpec(
    String family,
    int layers,
    int hidden,
    double normEpsilon,
    List<Attention> attentions,
    FeedForward feedForward,
    int vocabulary,
    boolean tiedHead,
    int maxLength,
    Reading reading,
    ResidualStream stream,
    Optional<Canvas> canvas) {
  /** Copies the list, and checks that it says what every block's attention is. */
  public ModelSpec {
    attentions = List.copyOf(attentions);
    if (attentions.size() != 1 && attentions.size() != layers) {
      throw new IllegalArgumentException(
          "%d layers have %d attentions: give one for each, or one for all"
              .formatted(layers, attentions.size()));
    }
  }

  /** A model whose blocks have one attention, and whose residual stream is plain. */
  public ModelSpec(
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
    this(
        family,
        layers,
        hidden,
        normEpsilon,
        List.of(attention),
        feedForward,
        vocabulary,
        tiedHead,
        maxLength,
        reading,
        ResidualStream.PLAIN,
        Optional.empty());
  }

  /** The attention of a layer. */
  public Attention attention(int layer) {
    return attentions.size() == 1 ? attentions.getFirst() : attentions.get(layer);
  }

  /** The first layer's attention, whose pattern, biases and norms of heads are every layer's. */
  public Attention attention() {
    return attentions.getFirst();
  }

  /** How many keys a token of the canvas sees at most in a layer with a window. */
  public int canvasWindow(int window) {
    return window == Attention.ALL_KEYS
        ? window
        : Math.addExact(canvas.map(Canvas::length).orElse(0), window - 1);
  }

  /** The widest queries of a layer. */
  public int queryWidth() {
    return attentions.stream().mapToInt(Attention::queryWidth).max().orElseThrow();
  }

  /** The widest keys of a layer. */
  public int keyWidth() {
    return attentions.stream().mapToInt(Attention::keyWidth).max().orElseThrow();
  }

  /** Columns of the tables of angles: layers that turn alike share one. */
  public long rotaryWidth() {
    return attentions.stream().map(Attention::rotary).distinct().mapToLong(Rotary::columns).sum();
  }

  /** Number of weights that are held twice: of keys that are values, too. */
  public long repeatedParameters() {
    long total = 0;
    for (int layer = 0; layer < layers; layer++) {
      Attention own = attention(layer);
      total += own.values().areKeys() ? (long) hidden * own.keyWidth() : 0;
    }
    return total;
  }

  /** Norms of a layer's block. */
  private int norms(int layer) {
    return stream.norms().count(feedForward.experts(layer).isPresent());
  }

  /** Numbers that blocks multiply the stream by: the canvas has its own. */
  private int scalars() {
    return stream.layerScalars() ? canvas.isPresent() ? 2 : 1 : 0;
  }

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
      total += norms(layer) * width + scalars() + attention(layer).parameters(width);
      total += feedForward.parameters(width, layer, experts);
    }
    return total + canvas.map(each -> each.parameters(width)).orElse(0L);
  }

  /**
   * Number of weights, of {@link #parameters}, that are held in f32 whatever the precision: gains,
   * biases and routers.
   */
  public long exactParameters() {
    long total = canvas.isPresent() ? 2L * hidden : hidden;
    for (int layer = 0; layer < layers; layer++) {
      total += (long) norms(layer) * hidden + scalars() + attention(layer).exactParameters();
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
                    "a %s model has no mask: %s"
                        .formatted(
                            family,
                            canvas.isPresent()
                                ? "its canvases begin as random ids"
                                : "it writes from left to right")));
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
   * @throws UnsupportedModelException if no attention of the model is in blocks
   */
  public ModelSpec withBlockLength(int length) {
    if (!isInBlocks() || length < 1) {
      throw new UnsupportedModelException(
          "a block length of %d was asked for; only block-causal models take one, of 1 or more, and this is a %s model."
              .formatted(length, family));
    }
    return with(
        switch (attention().pattern()) {
          case AttentionPattern.BlocksFromEnd _ -> new AttentionPattern.BlocksFromEnd(length);
          case AttentionPattern.CausalContext _ -> new AttentionPattern.CausalContext(length);
          default -> new AttentionPattern.BlockCausal(length);
        });
  }

  /** Whether it is one of dllm's A2D models, which leave some things to their tokenizer. */
  public boolean isA2d() {
    return A2dFamilies.has(family);
  }

  /**
   * Whether it may have been trained in blocks after all, which its configuration would not say.
   */
  public boolean mayBeInBlocks() {
    return isA2d() && attention().pattern() instanceof AttentionPattern.Full;
  }

  private boolean isInBlocks() {
    return switch (attention().pattern()) {
      case AttentionPattern.BlockCausal _,
          AttentionPattern.BlocksFromEnd _,
          AttentionPattern.CausalContext _ ->
          true;
      default -> false;
    };
  }

  /**
   * The same model as its {@code generation_config.json} recommends: its texts end with the ids
   * that are named there, of which the one that usually ends a text stays the first, and attention
   * in blocks is in blocks of that length.
   *
   * @param blocks that a sampler writes in; they come before the recommended ones, where attention
   *     is in blocks. A model that may have been trained in blocks from the end of a prompt, and
   *     does not say so, has them if they are asked for; one of blocks is causal if that is
   */
  public ModelSpec recommended(GenerationConfig generationConfig, Optional<Blocks> blocks) {
    ModelSpec spec = this;
    boolean isCausal = blocks.isPresent() && blocks.get().seen() == Blocks.Seen.CAUSALLY;
    if (isCausal && attention().pattern() instanceof AttentionPattern.BlockCausal) {
      spec = with(new AttentionPattern.Causal());
    } else if (isInBlocks()) {
      OptionalInt length =
          blocks.isPresent()
              ? OptionalInt.of(blocks.get().length())
              : generationConfig.blockLength();
      spec = length.isPresent() ? withBlockLength(length.getAsInt()) : this;
    } else if (mayBeInBlocks()
        && blocks.isPresent()
        && blocks.get().seen() == Blocks.Seen.FROM_PROMPT) {
      spec = with(new AttentionPattern.BlocksFromEnd(blocks.get().length()));
    }
    return generationConfig.eos().isEmpty()
        ? spec
        : spec.with(
            spec.attentions, reading.withIds(reading.ids().endingWith(generationConfig.eos())));
  }

  private ModelSpec with(AttentionPattern pattern) {
    return with(attentions.stream().map(each -> each.withPattern(pattern)).toList(), reading);
  }

  private ModelSpec with(List<Attention> newAttentions, Reading newReading) {
    return new ModelSpec(
        family,
        layers,
        hidden,
        normEpsilon,
        newAttentions,
        feedForward,
        vocabulary,
        tiedHead,
        maxLength,
        newReading,
        stream,
        canvas);
  }
}
