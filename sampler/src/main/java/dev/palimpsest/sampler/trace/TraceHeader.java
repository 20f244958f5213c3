package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.EntropyBoundSampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Run;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a generation began with: all that its first step depends on, and what computed it.
 *
 * @param engine version of the engine
 * @param model what predicted
 * @param machine where it was computed
 * @param promises what the engine holds on that machine: {@link #PROMISES} or fewer
 * @param sampler name of the sampler
 * @param options every option of the sampler by its reference name, the seed among them
 * @param specials the ids that mean something to the sampler
 * @param start the canvas before the first step
 * @param at where the run was before the first step
 * @param origin the trace that this one branched off, if any
 * @param inside what was changed inside its steps, in the words of the command; then the steps are
 *     not the model's own, and nothing is promised of them
 */
public record TraceHeader(
    String engine,
    ModelIdentity model,
    Machine machine,
    List<String> promises,
    String sampler,
    Map<String, Object> options,
    SpecialTokens specials,
    CanvasImage start,
    Cursor at,
    Optional<Origin> origin,
    List<String> inside) {

  /** The version of the format in which canvases hold masks alone. */
  public static final int MASKS = 1;

  /** The version of the format in which canvases may hold noise and drafts. */
  public static final int NOISE = 2;

  /** The promise that a generation is the same alone and in any batch. */
  public static final String BATCH_INVARIANT = "batch_invariant";

  /** The promise that nothing but tokens and where a run is passes between steps. */
  public static final String STATE_IS_TOKENS = "state_is_tokens";

  /**
   * What the engine holds unless it was told otherwise: between steps there is nothing but ids,
   * states, cursor and key; a row's bits do not depend on its batch; random numbers are keyed by
   * seed, step and position.
   */
  public static final List<String> PROMISES =
      List.of(STATE_IS_TOKENS, BATCH_INVARIANT, "keyed_randomness");

  /** Takes its own copies. */
  public TraceHeader {
    promises = List.copyOf(promises);
    inside = List.copyOf(inside);
    options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
  }

  /** A header of steps that are the model's own. */
  public TraceHeader(
      String engine,
      ModelIdentity model,
      Machine machine,
      List<String> promises,
      String sampler,
      Map<String, Object> options,
      SpecialTokens specials,
      CanvasImage start,
      Cursor at,
      Optional<Origin> origin) {
    this(
        engine, model, machine, promises, sampler, options, specials, start, at, origin, List.of());
  }

  /**
   * The header of a run's trace from where the run is; of a sampler that hands on more than tokens,
   * it does not promise the contrary.
   */
  public static TraceHeader of(
      String engine, ModelIdentity model, Machine machine, List<String> promises, Run run) {
    SamplingOptions options = run.sampler().options();
    return new TraceHeader(
        engine,
        model,
        machine,
        options.isStrict()
            ? promises
            : promises.stream().filter(each -> !each.equals(STATE_IS_TOKENS)).toList(),
        options.samplerName(),
        options.toMap(),
        run.specials(),
        run.canvas(),
        run.cursor(),
        Optional.empty());
  }

  /** The version of the format that says what the trace holds. */
  public int schema() {
    return sampler.equals(EntropyBoundSampler.NAME) ? NOISE : MASKS;
  }

  /**
   * The sampler's options as a value.
   *
   * @throws dev.palimpsest.sampler.method.InvalidOptionException if this engine knows no such
   *     sampler or option
   */
  public SamplingOptions samplingOptions() {
    return SamplingOptions.of(sampler, options);
  }

  /** The same header for a trace that branches off this one. */
  public TraceHeader branch(Origin from, Machine where) {
    return new TraceHeader(
        engine,
        model,
        where,
        promises,
        sampler,
        options,
        specials,
        start,
        at,
        Optional.of(from),
        inside);
  }

  /** The same header for steps that are changed inside; without changes, this one. */
  public TraceHeader changedInside(List<String> changes) {
    if (changes.isEmpty()) {
      return this;
    }
    List<String> all = new ArrayList<>(inside);
    all.addAll(changes);
    return new TraceHeader(
        engine, model, machine, List.of(), sampler, options, specials, start, at, origin, all);
  }

  /**
   * A model by its files.
   *
   * @param name of its folder
   * @param sha256 of its weights and configuration, hexadecimal
   * @param tokenizerSha256 of its tokenizer, hexadecimal
   */
  public record ModelIdentity(String name, String sha256, String tokenizerSha256) {}

  /**
   * What computed.
   *
   * @param backend the engine's own name of it, with its libraries
   * @param device the processor
   * @param precision of the products
   * @param arithmetic the engine's name of what the bits are computed by: where the names are
   *     equal, so are the bits; traces from before it was recorded have none
   */
  public record Machine(
      String backend, String device, String precision, Optional<String> arithmetic) {}

  /**
   * Where a trace branched off.
   *
   * @param chain the parent's checksum of its last record that is shared
   * @param step the first step that is the branch's own
   * @param edits what was changed there, in the words of the command
   */
  public record Origin(String chain, int step, List<String> edits) {
    /** Takes its own copy. */
    public Origin {
      edits = List.copyOf(edits);
    }
  }
}
