package dev.palimpsest.app.options;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.engine.model.Blocks;
import dev.palimpsest.sampler.method.LladaSampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options of LLaDA's sampler with a fixed number of steps, as {@link SamplerOptions}. */
public final class LladaSamplerOptions {
  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Steps of a generation; the model's default, else one a position.")
  private Optional<Integer> steps;

  @Option(
      names = "--gen-length",
      paramLabel = "N",
      description = "Positions to fill; the model's default, else 128.")
  private Optional<Integer> genLength;

  @Option(
      names = "--block-length",
      paramLabel = "N",
      description =
          "Positions of a block, filled from left to right; the model's default, else all.")
  private Optional<Integer> blockLength;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Temperature of the draw; 0 takes the argmax. The model's default, else 0.")
  private Optional<Double> temperature;

  @Option(
      names = "--cfg-scale",
      paramLabel = "S",
      description = "Classifier-free guidance; 0 is off (default: 0).")
  private Optional<Double> cfgScale;

  @Option(
      names = "--remasking",
      paramLabel = "RULE",
      description = "low_confidence, random, topk_margin or entropy (default: low_confidence).")
  private Optional<String> remasking;

  @Option(names = "--logits-eos-inf", description = "Never write the end-of-text token.")
  private boolean logitsEosInf;

  @Option(
      names = "--confidence-eos-eot-inf",
      description = "Commit end-of-text and end-of-turn tokens last.")
  private boolean confidenceEosEotInf;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the first problem; each has its own, one higher (default: 0).")
  private Optional<Long> seed;

  /**
   * What was given, then what the model recommends, then the sampler's defaults.
   *
   * @param longestPrompt in tokens
   */
  public SamplingOptions resolve(LanguageModel model, int longestPrompt) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("sampler", LladaSampler.NAME);
    steps.ifPresent(value -> values.put("steps", value));
    genLength.ifPresent(value -> values.put("gen_length", value));
    blockLength.ifPresent(value -> values.put("block_length", value));
    temperature.ifPresent(value -> values.put("temperature", value));
    cfgScale.ifPresent(value -> values.put("cfg_scale", value));
    remasking.ifPresent(value -> values.put("remasking", value));
    if (logitsEosInf) {
      values.put("logits_eos_inf", true);
    }
    if (confidenceEosEotInf) {
      values.put("confidence_eos_eot_inf", true);
    }
    seed.ifPresent(value -> values.put("seed", value));
    return model.options(values, longestPrompt);
  }

  /** The length that a block-causal model is to run with; what is no length is left out. */
  public Optional<Blocks> blocks() {
    return blockLength
        .filter(length -> length > 0)
        .map(length -> new Blocks(length, Blocks.Seen.FROM_START));
  }
}
