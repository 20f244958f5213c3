package dev.palimpsest.sampler;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.BlockSampler;
import dev.palimpsest.sampler.method.DecodeSampler;
import dev.palimpsest.sampler.method.DreamSampler;
import dev.palimpsest.sampler.method.EntropyBoundSampler;
import dev.palimpsest.sampler.method.IsdSampler;
import dev.palimpsest.sampler.method.LinearSpecSampler;
import dev.palimpsest.sampler.method.LladaSampler;
import dev.palimpsest.sampler.method.P2Sampler;
import dev.palimpsest.sampler.method.RemdmSampler;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.method.SeededBlockSampler;
import dev.palimpsest.sampler.method.SubBlockSampler;
import dev.palimpsest.sampler.method.WedlmSampler;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.step.AttentionPattern;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;

/**
 * A seeded request to a seeded model, with any of the samplers that fit the model.
 *
 * @param model with attention of any pattern
 * @param specials its ids
 * @param prompt at least a token for a model that goes on from a causal context
 * @param options of the sampler
 */
public record AnyCase(
    HashModel model, SpecialTokens specials, int[] prompt, SamplingOptions options) {

  /** A case of a model of its own. */
  public static AnyCase of(long seed) {
    Random random = new Random(seed);
    AttentionPattern pattern =
        switch (random.nextInt(9)) {
          case 0 -> new AttentionPattern.Causal();
          case 2 -> new AttentionPattern.Canvas(1 + random.nextInt(8));
          case 1 -> new AttentionPattern.BlockCausal(1 + random.nextInt(6));
          case 3 -> new AttentionPattern.BlocksFromEnd(1 + random.nextInt(6));
          case 4 -> new AttentionPattern.CausalContext(1 + random.nextInt(6));
          case 5 -> new AttentionPattern.KnownFirst(0);
          default -> new AttentionPattern.Full();
        };
    int vocabulary = 6 + random.nextInt(20);
    boolean isMaskless = pattern instanceof AttentionPattern.Causal && random.nextInt(3) == 0;
    int mask = isMaskless ? SpecialTokens.NO_MASK : 0;
    SpecialTokens specials =
        new SpecialTokens(
            mask, 1, random.nextInt(3) == 0 ? OptionalInt.empty() : OptionalInt.of(2));
    int levels = random.nextInt(3) == 0 ? 2 + random.nextInt(3) : 0;
    HashModel model =
        new HashModel(vocabulary, seed, 1 + 5 * random.nextDouble(), levels, -1, pattern);
    return of(model, specials, random);
  }

  /** Another request to the same model. */
  public AnyCase another(long seed) {
    return of(model, specials, new Random(seed));
  }

  /**
   * A request with that sampler, to a model without equal logits: where rows hold the same logits
   * in another order, their sums differ in the last bit and so do two implementations.
   */
  public static AnyCase of(long seed, String samplerName) {
    Random random = new Random(seed);
    while (true) {
      AnyCase found = of(random.nextLong());
      if (found.options.samplerName().equals(samplerName) && found.model.levels == 0) {
        return found;
      }
    }
  }

  public SamplerRun run() {
    return new SamplerRun(options.sampler(specials), prompt, options.positions(prompt.length));
  }

  /** The canvas at the start and after every step. */
  public List<int[]> states() {
    SamplerRun run = run();
    List<int[]> states = new ArrayList<>();
    states.add(run.canvas().ids());
    while (!run.finished()) {
      run.step(model.predict(List.of(run.ask())).getFirst(), 0);
      states.add(run.canvas().ids());
    }
    return states;
  }

  private static AnyCase of(HashModel model, SpecialTokens specials, Random random) {
    boolean goesOn =
        model.pattern instanceof AttentionPattern.Causal
            || model.pattern instanceof AttentionPattern.CausalContext;
    int[] prompt = new int[random.nextInt(9) + (goesOn ? 1 : 0)];
    for (int p = 0; p < prompt.length; p++) {
      prompt[p] = 1 + random.nextInt(model.vocabulary - 1);
    }
    return new AnyCase(
        model,
        specials,
        prompt,
        options(model.pattern, model.vocabulary, specials.hasMask(), random));
  }

  private static SamplingOptions options(
      AttentionPattern pattern, int vocabulary, boolean hasMask, Random random) {
    Map<String, Object> values = new HashMap<>();
    values.put("seed", random.nextLong());
    values.put("gen_length", 1 + random.nextInt(20));
    String sampler =
        switch (pattern) {
          case AttentionPattern.Causal _ ->
              hasMask && random.nextBoolean() ? IsdSampler.NAME : DecodeSampler.NAME;
          case AttentionPattern.BlockCausal _ ->
              random.nextInt(3) == 0 ? SubBlockSampler.NAME : BlockSampler.NAME;
          case AttentionPattern.Full _ ->
              List.of(
                      LladaSampler.NAME,
                      DreamSampler.NAME,
                      RemdmSampler.NAME,
                      P2Sampler.NAME,
                      BlockSampler.NAME)
                  .get(random.nextInt(5));
          case AttentionPattern.BlocksFromEnd _ -> BlockSampler.NAME;
          case AttentionPattern.CausalContext _ ->
              List.of(SeededBlockSampler.NAME, LinearSpecSampler.NAME, DecodeSampler.NAME)
                  .get(random.nextInt(3));
          case AttentionPattern.KnownFirst _ -> WedlmSampler.NAME;
          case AttentionPattern.Canvas _ -> EntropyBoundSampler.NAME;
        };
    if (Set.of(SeededBlockSampler.NAME, LinearSpecSampler.NAME, WedlmSampler.NAME, IsdSampler.NAME)
        .contains(sampler)) {
      values.put("temperature", random.nextBoolean() ? 0 : 0.1 + 1.5 * random.nextDouble());
    } else if (!sampler.equals(LladaSampler.NAME) && !sampler.equals(EntropyBoundSampler.NAME)) {
      values.put("temperature", random.nextBoolean() ? 0 : 0.1 + 1.5 * random.nextDouble());
      values.put("top_p", random.nextBoolean() ? 1 : 0.05 + 0.95 * random.nextDouble());
      values.put("top_k", random.nextBoolean() ? 0 : 1 + random.nextInt(8));
    }
    switch (sampler) {
      case DreamSampler.NAME -> {
        values.put("steps", 1 + random.nextInt(24));
        values.put("eps", 0.001 + 0.2 * random.nextDouble());
        values.put(
            "alg",
            List.of("origin", "maskgit_plus", "topk_margin", "entropy").get(random.nextInt(4)));
        if (!values.get("alg").equals("origin") && random.nextBoolean()) {
          values.put("alg_temp", random.nextDouble());
        }
      }
      case RemdmSampler.NAME -> {
        values.put("steps", 1 + random.nextInt(24));
        values.put("remasking", List.of("cap", "rescale", "conf").get(random.nextInt(3)));
        values.put("eta", random.nextDouble());
      }
      case P2Sampler.NAME -> {
        values.put("steps", 1 + random.nextInt(24));
        values.put("eta", random.nextInt(4) == 0 ? 0 : 3 * random.nextDouble());
      }
      case BlockSampler.NAME -> {
        int length =
            switch (pattern) {
              case AttentionPattern.BlockCausal blocks -> blocks.length();
              case AttentionPattern.BlocksFromEnd blocks -> blocks.length();
              default -> 1 + random.nextInt(6);
            };
        values.put("block_length", length);
        values.put(
            "after_prompt",
            pattern instanceof AttentionPattern.BlocksFromEnd
                || (pattern instanceof AttentionPattern.Full && random.nextBoolean()));
        values.put("steps", 1 + random.nextInt(8));
        values.put(
            "remasking",
            List.of(
                    "low_confidence_static",
                    "low_confidence_dynamic",
                    "sequential",
                    "entropy_bounded")
                .get(random.nextInt(4)));
        values.put("threshold", random.nextDouble());
        values.put("eb_threshold", 3 * random.nextDouble());
        if (values.get("remasking").equals("low_confidence_dynamic") && random.nextBoolean()) {
          values.put(
              "low_threshold", 0.99 * random.nextDouble() * (double) values.get("threshold"));
        }
        if (random.nextInt(3) == 0) {
          values.put("editing_threshold", random.nextDouble());
          values.put("max_post_steps", 1 + random.nextInt(4));
        }
        values.put("eos_early_stop", random.nextInt(4) == 0);
        values.put(
            "whole_canvas", pattern instanceof AttentionPattern.Full && random.nextBoolean());
      }
      case SubBlockSampler.NAME -> {
        int length = ((AttentionPattern.BlockCausal) pattern).length();
        values.put("block_length", length);
        values.put("sub_block_length", length % 2 == 0 && random.nextBoolean() ? length / 2 : 1);
        values.put("threshold", random.nextDouble());
      }
      case SeededBlockSampler.NAME -> {
        values.put("block_length", ((AttentionPattern.CausalContext) pattern).length());
        if (random.nextBoolean()) {
          values.put("threshold", random.nextDouble());
        }
      }
      case LinearSpecSampler.NAME -> {
        values.put("block_length", ((AttentionPattern.CausalContext) pattern).length());
        values.put("threshold", random.nextBoolean() ? 0 : random.nextDouble());
      }
      case IsdSampler.NAME -> values.put("gen_block_size", 1 + random.nextInt(6));
      case WedlmSampler.NAME -> {
        values.put("window_size", 1 + random.nextInt(12));
        values.put("entropy_threshold", random.nextBoolean() ? 0 : 3 * random.nextDouble());
        values.put("pos_penalty_factor", 0.3 * random.nextDouble());
      }
      case LladaSampler.NAME -> {
        int length = 1 + random.nextInt(7);
        int blocks = 1 + random.nextInt(3);
        values.put("block_length", length);
        values.put("gen_length", length * blocks);
        values.put("steps", blocks * (1 + random.nextInt(9)));
        values.put("temperature", random.nextBoolean() ? 0 : random.nextDouble());
        values.put("cfg_scale", random.nextInt(3) == 0 ? random.nextDouble() : 0);
      }
      case EntropyBoundSampler.NAME -> {
        values.put("canvas_length", ((AttentionPattern.Canvas) pattern).length());
        values.put("vocabulary", vocabulary);
        values.put("max_denoising_steps", 1 + random.nextInt(9));
        values.put("entropy_bound", 4 * random.nextDouble());
        values.put("t_min", random.nextDouble());
        values.put("t_max", 1 + random.nextDouble());
        values.put("stability_threshold", random.nextInt(3));
        values.put("confidence_threshold", 3 * random.nextDouble());
        values.put("self_conditioning", random.nextBoolean() ? "off" : "top_1");
      }
      case DecodeSampler.NAME -> {
        // It has no more options.
      }
      default -> throw new AssertionError(sampler);
    }
    return SamplingOptions.of(sampler, values);
  }
}
