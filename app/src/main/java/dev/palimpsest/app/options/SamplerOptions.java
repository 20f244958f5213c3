package dev.palimpsest.app.options;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.api.SamplerDefaults;
import dev.palimpsest.engine.model.Blocks;
import dev.palimpsest.sampler.method.SamplingOptions;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/**
 * The options of all samplers under their reference names, dashed. What a sampler does not know, it
 * refuses by name.
 */
public final class SamplerOptions {
  @Option(
      names = "--sampler",
      paramLabel = "NAME",
      description =
          "llada, dream, remdm, p2, block, sub_block, seeded_block, linear_spec, wedlm, isd, entropy_bound or"
              + " decode; the one the model was made for if not given. The options below are of the"
              + " samplers in brackets, or of all.")
  private Optional<String> sampler;

  @Option(
      names = "--gen-length",
      paramLabel = "N",
      description =
          "Most tokens of the text, for which positions are filled, in whole blocks [block,"
              + " sub_block, seeded_block]; the model's own default, else 128.")
  private Optional<Integer> genLength;

  @Option(
      names = "--block-length",
      paramLabel = "N",
      description =
          "[llada, block, sub_block, seeded_block, linear_spec] Positions of a block, filled from"
              + " left to right; the model's default, else all [llada], 4 [block] or 32. The"
              + " attention of a block-causal model follows.")
  private Optional<Integer> blockLength;

  @Option(
      names = "--after-prompt",
      description =
          "Count blocks from the end of the prompt, as dllm's BD3LM models do; an A2D model"
              + " is then run in blocks, of 32 unless --block-length says otherwise.")
  private boolean afterPrompt;

  @Option(
      names = "--sub-block-length",
      paramLabel = "N",
      description = "Positions of a part of a block, filled from left to right (default: 8).")
  private Optional<Integer> subBlockLength;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "[llada, dream, remdm, p2] Forwards of the whole generation; the model's default, else one"
              + " a position. [block] Forwards of a block; default one a position.")
  private Optional<Integer> steps;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description =
          "Temperature of the draw; 0 takes the argmax. The model's default, else 0, or 1 [remdm].")
  private Optional<Double> temperature;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description =
          "[dream, remdm, p2, block, sub_block, decode] Draw from the nucleus of this probability;"
              + " the model's default, else 1,"
              + " or 0.95 [sub_block].")
  private Optional<Double> topP;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description =
          "[dream, remdm, p2, block, sub_block, decode] Draw from the K most probable tokens; 0 is"
              + " all. The model's default,"
              + " else 0.")
  private Optional<Integer> topK;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description =
          "Draw no token less probable than this part of the most probable one; the model's"
              + " default, else 0, which is off.")
  private Optional<Double> minP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      description =
          "Lower the logits of tokens that prompt and text have already; the model's"
              + " default, else 1, which is off.")
  private Optional<Double> repetitionPenalty;

  @Option(
      names = "--no-repeat-ngram-size",
      paramLabel = "N",
      description =
          "Write no N tokens in a row that stand before; the model's default, else 0, which"
              + " is off.")
  private Optional<Integer> noRepeatNgramSize;

  @Option(
      names = "--min-new-tokens",
      paramLabel = "N",
      description = "End no text before so many tokens; the model's default, else 0.")
  private Optional<Integer> minNewTokens;

  @Option(
      names = "--cfg-scale",
      paramLabel = "S",
      description = "Classifier-free guidance; 0 is off (default: 0).")
  private Optional<Double> cfgScale;

  @Option(
      names = "--remasking",
      paramLabel = "RULE",
      description =
          "[llada] low_confidence, random, topk_margin or entropy. [block] low_confidence_dynamic,"
              + " low_confidence_static, sequential or entropy_bounded. [remdm] cap, rescale or"
              + " conf. The first is the default.")
  private Optional<String> remasking;

  @Option(
      names = "--threshold",
      paramLabel = "P",
      description =
          "[llada] Commit every position at least this confident (Fast-dLLM); ignores --steps."
              + " [block] The same for low_confidence_dynamic (default: 0.85). [sub_block] The same"
              + " (default: 0.9). [seeded_block] The same; one position a step if not given."
              + " [linear_spec] The same of a draft; 0 drafts a block in one step (default: 0).")
  private Optional<Double> threshold;

  @Option(
      names = "--low-threshold",
      paramLabel = "P",
      description =
          "[llada, block] Of every run of masks commit the most confident one too, if it is above"
              + " this (dInfer's hierarchical decoding); ignores --steps.")
  private Optional<Double> lowThreshold;

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

  @Option(
      names = "--alg",
      paramLabel = "RULE",
      description = "origin, maskgit_plus, topk_margin or entropy (default: origin).")
  private Optional<String> alg;

  @Option(
      names = "--alg-temp",
      paramLabel = "T",
      description = "Randomness of the choice of positions; 0 takes the best.")
  private Optional<Double> algTemp;

  @Option(
      names = "--eps",
      paramLabel = "E",
      description = "Time at which the last step ends (default: 0.001).")
  private Optional<Double> eps;

  @Option(
      names = "--batch-mean-k",
      paramLabel = "N",
      description =
          "Masks of a batch on average, which the reference counts instead of a row's own.")
  private Optional<Double> batchMeanK;

  @Option(
      names = "--eta",
      paramLabel = "X",
      description =
          "[remdm] Strength of the remasking, up to 1 (default: 0.02). [p2] What the scores of"
              + " filled positions are multiplied by: 0 masks none again, 1 ranks them like masked"
              + " ones, more masks them again more often (default: 1).")
  private Optional<Double> eta;

  @Option(
      names = "--eb-threshold",
      paramLabel = "NATS",
      description = "Entropy that entropy_bounded spends a step (default: 0.35).")
  private Optional<Double> ebThreshold;

  @Option(
      names = "--editing-threshold",
      paramLabel = "P",
      description = "Replace committed tokens above this confidence (LLaDA2.1).")
  private Optional<Double> editingThreshold;

  @Option(
      names = "--max-post-steps",
      paramLabel = "N",
      description = "Most forwards that edit a full block (default: 16).")
  private Optional<Integer> maxPostSteps;

  @Option(
      names = "--eos-early-stop",
      description = "Stop at an end of text instead of at the end of its block.")
  private boolean eosEarlyStop;

  @Option(
      names = "--whole-canvas",
      negatable = true,
      description = "Show the model the masks of later blocks; default for full attention.")
  private Optional<Boolean> wholeCanvas;

  @Option(
      names = "--gen-block-size",
      paramLabel = "N",
      description =
          "Tokens that a step may add, all but one of them drafts (default: 4). A model of"
              + " blocks is then run causally.")
  private Optional<Integer> genBlockSize;

  @Option(
      names = "--window-size",
      paramLabel = "N",
      description = "Positions from the first masked one on that a step may fill (default: 16).")
  private Optional<Integer> windowSize;

  @Option(
      names = "--entropy-threshold",
      paramLabel = "H",
      description =
          "In nats: positions whose entropy is below are filled, and the surest always; 0"
              + " fills the surest alone (default: 0.4).")
  private Optional<Double> entropyThreshold;

  @Option(
      names = "--pos-penalty-factor",
      paramLabel = "H",
      description =
          "In nats: what is added to an entropy for each position behind the first masked"
              + " one (default: 0.02).")
  private Optional<Double> posPenaltyFactor;

  @Option(
      names = "--self-conditioning",
      paramLabel = "WHAT",
      description =
          "[entropy_bound] What a step is told of the one before: soft, embeddings weighed by"
              + " probability, as published; top-k, those of the most probable tokens alone; for"
              + " both no guarantee is claimed; top-1, tokens; off, nothing (default: soft).")
  private Optional<String> selfConditioning;

  @Option(
      names = "--self-conditioning-k",
      paramLabel = "K",
      description = "Tokens a position of --self-conditioning top-k, 1 to 1000 (default: 8).")
  private Optional<Integer> selfConditioningK;

  @Option(
      names = "--max-denoising-steps",
      paramLabel = "N",
      description = "Most steps of a canvas (default: the model's, else 48).")
  private Optional<Integer> maxDenoisingSteps;

  @Option(
      names = "--entropy-bound",
      paramLabel = "NATS",
      description =
          "Entropy that a step's accepted positions may have in sum, without the last of them"
              + " (default: the model's, else 0.1).")
  private Optional<Double> entropyBound;

  @Option(
      names = "--t-min",
      paramLabel = "T",
      description = "Temperature that a canvas's steps fall to (default: the model's, else 0.4).")
  private Optional<Double> tMin;

  @Option(
      names = "--t-max",
      paramLabel = "T",
      description = "Temperature of a canvas's first step (default: the model's, else 0.8).")
  private Optional<Double> tMax;

  @Option(
      names = "--stability-threshold",
      paramLabel = "N",
      description =
          "Steps in a row that change no most probable id before a canvas may end early (default:"
              + " the model's, else 1).")
  private Optional<Integer> stabilityThreshold;

  @Option(
      names = "--confidence-threshold",
      paramLabel = "NATS",
      description =
          "Mean entropy below which a canvas may end early (default: the model's, else 0.005).")
  private Optional<Double> confidenceThreshold;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of all randomness (default: 0).")
  private Optional<Long> seed;

  /**
   * What was given, then what the model recommends, then the sampler's defaults.
   *
   * @param longestPrompt in tokens; a model that decodes has room for a text behind it
   */
  public SamplingOptions resolve(LanguageModel model, int longestPrompt) {
    return model.options(given(), longestPrompt);
  }

  /** The blocks that a model whose attention is in blocks is to run with. */
  public Optional<Blocks> blocks() {
    return SamplerDefaults.blocks(given());
  }

  /** What was given, by the reference names of the options, and {@code sampler}. */
  public Map<String, Object> given() {
    Map<String, Object> values = new LinkedHashMap<>();
    put(values, "sampler", sampler);
    put(values, "gen_length", genLength);
    put(values, "block_length", blockLength);
    put(values, "after_prompt", set(afterPrompt));
    put(values, "sub_block_length", subBlockLength);
    put(values, "gen_block_size", genBlockSize);
    put(values, "window_size", windowSize);
    put(values, "entropy_threshold", entropyThreshold);
    put(values, "pos_penalty_factor", posPenaltyFactor);
    put(values, "steps", steps);
    put(values, "temperature", temperature);
    put(values, "top_p", topP);
    put(values, "top_k", topK);
    put(values, "min_p", minP);
    put(values, "repetition_penalty", repetitionPenalty);
    put(values, "no_repeat_ngram_size", noRepeatNgramSize);
    put(values, "min_new_tokens", minNewTokens);
    put(values, "cfg_scale", cfgScale);
    put(values, "remasking", remasking);
    put(values, "threshold", threshold);
    put(values, "low_threshold", lowThreshold);
    put(values, "factor", factor);
    put(values, "logits_eos_inf", set(logitsEosInf));
    put(values, "confidence_eos_eot_inf", set(confidenceEosEotInf));
    put(values, "alg", alg);
    put(values, "alg_temp", algTemp);
    put(values, "eps", eps);
    put(values, "batch_mean_k", batchMeanK);
    put(values, "eta", eta);
    put(values, "eb_threshold", ebThreshold);
    put(values, "editing_threshold", editingThreshold);
    put(values, "max_post_steps", maxPostSteps);
    put(values, "eos_early_stop", set(eosEarlyStop));
    put(values, "whole_canvas", wholeCanvas);
    put(values, "self_conditioning", selfConditioning);
    put(values, "self_conditioning_k", selfConditioningK);
    put(values, "max_denoising_steps", maxDenoisingSteps);
    put(values, "entropy_bound", entropyBound);
    put(values, "t_min", tMin);
    put(values, "t_max", tMax);
    put(values, "stability_threshold", stabilityThreshold);
    put(values, "confidence_threshold", confidenceThreshold);
    put(values, "seed", seed);
    return values;
  }

  /** The name on the command line of an option by its reference name. */
  public static String dashed(String name) {
    return "--" + name.replace('_', '-');
  }

  private static void put(Map<String, Object> values, String name, Optional<?> value) {
    value.ifPresent(each -> values.put(name, each));
  }

  private static Optional<Boolean> set(boolean flag) {
    return flag ? Optional.of(true) : Optional.empty();
  }
}
