package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.likelihood.Estimator;
import dev.palimpsest.sampler.likelihood.Measurement;
import dev.palimpsest.sampler.likelihood.Passage;
import dev.palimpsest.sampler.likelihood.TokenScores;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.sampler.method.ModelLimits;
import dev.palimpsest.sampler.method.Sampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.step.AttentionPattern;
import dev.palimpsest.step.Denoiser;
import java.util.Arrays;
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
    return generate(request(prompt, options, listener));
  }

  /**
   * A request of one text, at its first step.
   *
   * @throws InvalidOptionException if the model cannot take it
   */
  public Request request(int[] prompt, SamplingOptions options, SnapshotListener listener) {
    return Request.of(run(prompt, options), listener);
  }

  /** Takes one run to its end. */
  public Generation generate(Request request) {
    return new Driver(denoiser).finish(List.of(request)).getFirst();
  }

  /**
   * Writes many texts together; each is what it would be alone.
   *
   * @param requests of {@link #run}s, each another one
   * @param maxTokens bound on the tokens of a forward, or {@link Driver#UNLIMITED}
   * @return in the order of the requests
   */
  public List<Generation> generateAll(List<? extends Request> requests, long maxTokens) {
    return new Driver(denoiser, maxTokens).finish(requests);
  }

  /**
   * A run at its first step, for a request or a {@link Driver} of the caller's own.
   *
   * @throws InvalidOptionException if the model cannot take the request
   */
  public Run run(int[] prompt, SamplingOptions options) {
    limits.require(prompt, options);
    return new SamplerRun(options.sampler(specials), prompt, options.positions(prompt.length));
  }

  /**
   * A run that goes on from a canvas and a cursor: a text with a hole in it, or a recorded step.
   *
   * @param canvas its masked positions are filled and what is {@link CellState#FIXED} stays
   * @param at {@link Cursor#START} for a canvas that no step has seen
   * @throws InvalidOptionException if the model cannot take the request, or the options are of
   *     another number of positions
   */
  public Run run(CanvasImage canvas, Cursor at, SamplingOptions options) {
    int[] prompt = Arrays.copyOf(canvas.ids(), canvas.promptLength());
    limits.require(prompt, options);
    limits.require(canvas, options);
    Sampler sampler = options.sampler(specials);
    CanvasImage begun = at.equals(Cursor.START) ? sampler.prepared(canvas) : canvas;
    sampler.start(begun); // what it refuses to begin with, it cannot go on with
    return SamplerRun.resume(sampler, begun, at);
  }

  /**
   * How probable the model finds each token of a text but the first, from those before it, and what
   * it would write next ({@link Scoring#of}). A causal model says it in one forward; one that fills
   * masks takes one a token, in which that token and all behind it are masked.
   *
   * @param tokens at least one
   * @param next whether the token behind the text is to be predicted too
   * @param alternatives how many of the most probable ids to name at every position
   * @throws InvalidOptionException if the model cannot take the text
   */
  public Scoring scoring(int[] tokens, boolean next, int alternatives) {
    boolean causal = limits.pattern() instanceof AttentionPattern.Causal;
    limits.requireScorable(tokens, next && !causal ? 1 : 0);
    return new Scoring(
        TokenScores.forwards(tokens, next, alternatives, limits.pattern(), specials.maskId()));
  }

  /**
   * The likelihood of a text, whose forwards are {@link Scoring}s for a driver of the caller's own.
   *
   * @throws InvalidOptionException if the estimator is not defined for the model or for so long a
   *     completion, or the model cannot take the text
   */
  public Measurement measurement(Passage passage, Estimator estimator) {
    return Measurement.of(passage, estimator, limits, specials.maskId());
  }

  private static void requireId(String name, int id, ModelLimits limits) {
    if (id < 0 || id >= limits.vocabulary()) {
      throw new IllegalArgumentException(
          "the " + name + " id " + id + " is no token: ids are 0 to " + (limits.vocabulary() - 1));
    }
  }
}
