package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.step.Denoiser;
import java.util.ArrayList;
import java.util.List;

/**
 * Text from a model: a {@link Driver} with one {@link Run}, or with many.
 *
 * <p>An interrupt of the calling thread ends a generation between two steps; its result then holds
 * what was written and is not {@link Generation#complete}. The interrupt stays set.
 */
public final class Generator {
  private final Denoiser denoiser;
  private final ModelLimits limits;
  private final SpecialTokens specials;

  /** A generator over a model, which stays the caller's. */
  public Generator(Denoiser denoiser, ModelLimits limits, SpecialTokens specials) {
    if (specials.hasMask()) {
      requireId("mask", specials.maskId(), limits);
    }
    if (specials.hasEos()) {
      requireId("end-of-text", specials.eosId(), limits);
    }
    specials.eotId().ifPresent(id -> requireId("end-of-turn", id, limits));
    specials.otherStops().forEach(id -> requireId("stop", id, limits));
    this.denoiser = denoiser;
    this.limits = limits;
    this.specials = specials;
  }

  /**
   * Writes one text.
   *
   * @throws InvalidOptionException if the model cannot take the request
   */
  public Generation generate(int[] prompt, SamplingOptions options, SnapshotListener listener) {
    return generateAll(List.of(new Request(prompt, options, listener)), Driver.UNLIMITED).get(0);
  }

  /**
   * Writes many texts together; each is what it would be alone.
   *
   * @param maxTokens bound on the tokens of a forward, or {@link Driver#UNLIMITED}
   * @return in the order of the requests
   * @throws InvalidOptionException if the model cannot take one of the requests; none has begun
   */
  public List<Generation> generateAll(List<Request> requests, long maxTokens) {
    List<Run> runs = new ArrayList<>(requests.size());
    for (Request request : requests) {
      runs.add(run(request.prompt(), request.options()));
    }
    Driver driver = new Driver(denoiser, maxTokens);
    List<Driver.Ticket> tickets = new ArrayList<>(runs.size());
    for (int index = 0; index < runs.size(); index++) {
      tickets.add(driver.submit(runs.get(index), requests.get(index).listener()));
    }
    driver.run(() -> Thread.currentThread().isInterrupted());
    return tickets.stream().map(Driver.Ticket::generation).toList();
  }

  /**
   * A run for a {@link Driver} of the caller's own.
   *
   * @throws InvalidOptionException if the model cannot take the request
   */
  public Run run(int[] prompt, SamplingOptions options) {
    limits.require(prompt, options);
    return new Run(options.sampler(specials), prompt, options.positions(prompt.length));
  }

  private static void requireId(String name, int id, ModelLimits limits) {
    if (id < 0 || id >= limits.vocabulary()) {
      throw new IllegalArgumentException(
          "the " + name + " id " + id + " is no token: ids are 0 to " + (limits.vocabulary() - 1));
    }
  }
}
