package dev.palimpsest.app;

import dev.palimpsest.engine.model.GenerationConfig;
import dev.palimpsest.sampler.GenerateOptions;
import dev.palimpsest.sampler.InvalidOptionException;
import dev.palimpsest.sampler.Remasking;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options of LLaDA's {@code generate}, dashed. */
final class SamplerOptions {
  @Option(
      names = "--gen-length",
      paramLabel = "N",
      description = "Positions to fill; the model's own default, else 128.")
  private Optional<Integer> genLength;

  @Option(
      names = "--block-length",
      paramLabel = "N",
      description =
          "Positions of a block, filled from left to right; the model's default, else all.")
  private Optional<Integer> blockLength;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Forwards of the whole generation; the model's default, else one a position.")
  private Optional<Integer> steps;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "Temperature of the Gumbel noise; 0 takes the argmax (default: 0).")
  private Optional<Double> temperature;

  @Option(
      names = "--cfg-scale",
      paramLabel = "S",
      description = "Classifier-free guidance; 0 is off (default: 0).")
  private Optional<Double> cfgScale;

  @Option(
      names = "--remasking",
      paramLabel = "RULE",
      converter = RemaskingConverter.class,
      description = "low_confidence or random (default: low_confidence).")
  private Optional<Remasking> remasking;

  @Option(
      names = "--threshold",
      paramLabel = "P",
      description = "Commit every position at least this confident (Fast-dLLM); ignores --steps.")
  private Optional<Double> threshold;

  @Option(
      names = "--factor",
      paramLabel = "F",
      description = "Commit as many as Fast-dLLM's factor rule allows; ignores --steps.")
  private Optional<Double> factor;

  @Option(names = "--logits-eos-inf", description = "Never write the end-of-text token.")
  private boolean logitsEosInf;

  @Option(
      names = "--confidence-eos-eot-inf",
      description = "Commit end-of-text and end-of-turn tokens last.")
  private boolean confidenceEosEotInf;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of all randomness (default: 0).")
  private Optional<Long> seed;

  /** What was given, then what the model recommends, then LLaDA's defaults. */
  GenerateOptions resolve(GenerationConfig recommended) {
    boolean ownLength = genLength.isPresent();
    int length =
        genLength.orElse(recommended.genLength().orElse(GenerateOptions.DEFAULTS.genLength()));
    GenerateOptions.Builder builder =
        GenerateOptions.builder()
            .genLength(length)
            .blockLength(blockLength.orElse(fitting(recommended.blockLength(), ownLength, length)))
            .steps(steps.orElse(fitting(recommended.steps(), ownLength, length)))
            .logitsEosInf(logitsEosInf)
            .confidenceEosEotInf(confidenceEosEotInf);
    temperature.ifPresent(builder::temperature);
    cfgScale.ifPresent(builder::cfgScale);
    remasking.ifPresent(builder::remasking);
    threshold.ifPresent(builder::threshold);
    factor.ifPresent(builder::factor);
    seed.ifPresent(builder::seed);
    return builder.build();
  }

  /**
   * A recommendation holds for the recommended length; for another one the length itself is used.
   */
  private static int fitting(OptionalInt recommended, boolean ownLength, int length) {
    return ownLength ? length : recommended.orElse(length);
  }

  private static final class RemaskingConverter implements ITypeConverter<Remasking> {
    @Override
    public Remasking convert(String value) {
      try {
        return Remasking.parse(value);
      } catch (InvalidOptionException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
