package dev.palimpsest.sampler;

import java.util.Map;

/** The options of one of the samplers; each kind has its own. */
public sealed interface SamplingOptions permits GenerateOptions {

  /** The sampler they are of: {@link Sampler#name}. */
  String samplerName();

  /** Positions to fill. */
  int genLength();

  /** Seed of all randomness. */
  long seed();

  /**
   * The options by their reference names, as {@code gen_length}: numbers, booleans and strings.
   * What is absent is left out, so that {@link #of} gives the same options back.
   */
  Map<String, Object> toMap();

  /** The sampler for a model with these ids. */
  Sampler sampler(SpecialTokens specials);

  /**
   * The options of a sampler from their names and values, for instance from a trace; the sampler's
   * defaults where there are none.
   *
   * @throws InvalidOptionException if there is no such sampler or option, or a value is wrong
   */
  static SamplingOptions of(String samplerName, Map<String, ?> values) {
    return switch (samplerName) {
      case LladaSampler.NAME -> GenerateOptions.of(values);
      default ->
          throw new InvalidOptionException(
              "--sampler", samplerName, "is unknown: use " + LladaSampler.NAME);
    };
  }
}
