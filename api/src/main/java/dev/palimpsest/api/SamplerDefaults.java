package dev.palimpsest.api;

import dev.palimpsest.engine.model.Blocks;
import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.method.BlockSampler;
import dev.palimpsest.sampler.method.DecodeSampler;
import dev.palimpsest.sampler.method.EntropyBoundSampler;
import dev.palimpsest.sampler.method.IsdSampler;
import dev.palimpsest.sampler.method.LinearSpecSampler;
import dev.palimpsest.sampler.method.LladaSampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.method.SeededBlockSampler;
import dev.palimpsest.sampler.method.SubBlockSampler;
import dev.palimpsest.sampler.method.WedlmSampler;
import dev.palimpsest.step.AttentionPattern;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a user does not say about sampling, the model's {@code generation_config.json} says, and
 * then the sampler.
 */
public final class SamplerDefaults {
  private static final int GEN_LENGTH = 128;

  private SamplerDefaults() {}

  /**
   * Complete options of a model, also of one that is not loaded.
   *
   * @param given options by their reference names, and {@code sampler}
   * @param recommended by the model's folder
   * @param longestPrompt in tokens; a model that decodes has room for a text behind it
   * @throws dev.palimpsest.sampler.method.InvalidOptionException if something given is wrong
   */
  public static SamplingOptions complete(
      Map<String, ?> given, ModelSpec spec, GenerationConfig recommended, int longestPrompt) {
    Map<String, Object> values = new LinkedHashMap<>(given);
    Object named = values.remove("sampler");
    String name = named == null ? ModelTraits.limits(spec).sampler() : named.toString();
    boolean ownLength = values.containsKey("gen_length");
    int room = spec.maxLength() - longestPrompt;
    int otherwise = name.equals(DecodeSampler.NAME) ? Math.clamp(room, 1, GEN_LENGTH) : GEN_LENGTH;
    OptionalInt published = recommended.genLength();
    if (name.equals(DecodeSampler.NAME) && published.isPresent()) {
      published = OptionalInt.of(Math.clamp(room, 1, published.getAsInt()));
    }
    values.putIfAbsent("gen_length", published.orElse(otherwise));
    // A length that is no number is for the sampler to refuse.
    int length = values.get("gen_length") instanceof Integer number ? number : otherwise;
    recommendDraw(values, name, recommended);
    switch (name) {
      case LladaSampler.NAME -> {
        values.putIfAbsent("block_length", fitting(recommended.blockLength(), ownLength, length));
        values.putIfAbsent("steps", fitting(recommended.steps(), ownLength, length));
      }
      case BlockSampler.NAME -> {
        switch (spec.attention().pattern()) {
          case AttentionPattern.BlockCausal blocks ->
              values.putIfAbsent("block_length", blocks.length());
          case AttentionPattern.BlocksFromEnd blocks -> {
            values.putIfAbsent("block_length", blocks.length());
            values.putIfAbsent("after_prompt", true);
            values.putIfAbsent("remasking", "low_confidence_static");
          }
          default -> values.putIfAbsent("whole_canvas", true);
        }
      }
      case SeededBlockSampler.NAME, LinearSpecSampler.NAME -> {
        if (spec.attention().pattern() instanceof AttentionPattern.CausalContext block) {
          values.putIfAbsent("block_length", block.length());
        }
      }
      case WedlmSampler.NAME, IsdSampler.NAME -> {} // no file recommends anything for them
      case SubBlockSampler.NAME -> {
        if (spec.attention().pattern() instanceof AttentionPattern.BlockCausal blocks) {
          values.putIfAbsent("block_length", blocks.length());
        }
      }
      case EntropyBoundSampler.NAME -> {
        spec.canvas().ifPresent(each -> values.putIfAbsent("canvas_length", each.length()));
        values.putIfAbsent("vocabulary", spec.vocabulary());
        recommended
            .denoising()
            .ifPresent(
                each -> {
                  values.putIfAbsent("max_denoising_steps", each.steps());
                  values.putIfAbsent("entropy_bound", each.entropyBound());
                  values.putIfAbsent("t_min", each.lowestTemperature());
                  values.putIfAbsent("t_max", each.highestTemperature());
                  values.putIfAbsent("stability_threshold", each.stabilityThreshold());
                  values.putIfAbsent("confidence_threshold", each.confidenceThreshold());
                });
      }
      case DecodeSampler.NAME -> {
        recommended
            .repetitionPenalty()
            .ifPresent(value -> values.putIfAbsent("repetition_penalty", value));
        recommended
            .noRepeatNgramSize()
            .ifPresent(value -> values.putIfAbsent("no_repeat_ngram_size", value));
        recommended.minNewTokens().ifPresent(value -> values.putIfAbsent("min_new_tokens", value));
        recommended.minP().ifPresent(value -> values.putIfAbsent("min_p", value));
      }
      default -> values.putIfAbsent("steps", fitting(recommended.steps(), ownLength, length));
    }
    return SamplingOptions.of(name, values);
  }

  /** The blocks that some options ask for, by their reference names, and {@code sampler}. */
  public static Optional<Blocks> blocks(Map<String, ?> options) {
    if (IsdSampler.NAME.equals(options.get("sampler")) || options.containsKey("gen_block_size")) {
      return Optional.of(new Blocks(1, Blocks.Seen.CAUSALLY));
    }
    boolean areAfterPrompt = Boolean.TRUE.equals(options.get("after_prompt"));
    Blocks.Seen seen = areAfterPrompt ? Blocks.Seen.FROM_PROMPT : Blocks.Seen.FROM_START;
    if (options.get("block_length") instanceof Integer length && length > 0) {
      return Optional.of(new Blocks(length, seen));
    }
    return areAfterPrompt
        ? Optional.of(new Blocks(Blocks.PUBLISHED_LENGTH, seen))
        : Optional.empty();
  }

  /** A nucleus and a top k are for drawing: who asks for the argmax gets it of all tokens. */
  private static void recommendDraw(
      Map<String, Object> values, String sampler, GenerationConfig recommended) {
    if (sampler.equals(EntropyBoundSampler.NAME)) {
      return; // it has temperatures of its own
    }
    recommended.temperature().ifPresent(value -> values.putIfAbsent("temperature", value));
    boolean draws =
        !(values.get("temperature") instanceof Number number && number.doubleValue() == 0);
    if (draws && !sampler.equals(LladaSampler.NAME)) {
      recommended.topP().ifPresent(value -> values.putIfAbsent("top_p", value));
      recommended.topK().ifPresent(value -> values.putIfAbsent("top_k", value));
    }
  }

  /**
   * A recommendation holds for the recommended length; for another one the length itself is used.
   */
  private static int fitting(OptionalInt recommended, boolean ownLength, int length) {
    return ownLength ? length : recommended.orElse(length);
  }
}
