package dev.palimpsest.sampler;

import dev.palimpsest.step.Denoiser;

/**
 * {@link AnyCase} for the tests of other packages: a seeded request to a seeded model, with any of
 * the samplers that fit it.
 *
 * @param model to ask
 * @param vocabulary its ids are below this
 * @param specials its ids
 * @param options of the sampler
 * @param prompt the request's
 */
public record AnyRequest(
    Denoiser model, int vocabulary, SpecialTokens specials, SamplingOptions options, int[] prompt) {

  /** The request of a seed. */
  public static AnyRequest of(long seed) {
    return of(AnyCase.of(seed));
  }

  /** A request to one of the samplers. */
  public static AnyRequest of(long seed, String samplerName) {
    return of(AnyCase.of(seed, samplerName));
  }

  private static AnyRequest of(AnyCase found) {
    return new AnyRequest(
        found.model(), found.model().vocabulary, found.specials(), found.options(), found.prompt());
  }

  /** A run at its first step. */
  public Run run() {
    return new Run(options.sampler(specials), prompt, options.positions(prompt.length));
  }
}
