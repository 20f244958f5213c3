package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.HashModel;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.step.Philox;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * LLaDA's {@code generate} and Fast-dLLM's parallel decoding as plainly as their pseudo-code, over
 * full logits and with {@code x == mask} as the only state. Random numbers come from {@link
 * Philox}. It shares no code with {@link LladaSampler}.
 */
final class ReferenceLlada {
  private final HashModel model;
  private final LladaOptions options;
  private final SpecialTokens specials;
  private final boolean drawsMasks;
  private final boolean forgetsEos;

  /** The canvas before the first forward, then after each. */
  final List<int[]> states = new ArrayList<>();

  /**
   * Runs it.
   *
   * @param drawsMasks as published, the mask id may be drawn; else it is left out of the argmax
   * @param forgetsEos as published, confidence_eos_eot_inf above temperature 0 spares end of text
   */
  ReferenceLlada(
      HashModel model,
      int[] prompt,
      LladaOptions options,
      SpecialTokens specials,
      boolean drawsMasks,
      boolean forgetsEos) {
    this.model = model;
    this.options = options;
    this.specials = specials;
    this.drawsMasks = drawsMasks;
    this.forgetsEos = forgetsEos;
    generate(prompt);
  }

  int forwards() {
    return states.size() - 1;
  }

  private void generate(int[] prompt) {
    int mask = specials.maskId();
    int[] x = new int[prompt.length + options.genLength()];
    for (int p = 0; p < x.length; p++) {
      x[p] = p < prompt.length ? prompt[p] : mask;
    }
    boolean[] promptIndex = new boolean[x.length];
    for (int p = 0; p < x.length; p++) {
      promptIndex[p] = x[p] != mask;
    }
    states.add(x.clone());
    int blocks = options.genLength() / options.blockLength();
    for (int b = 0; b < blocks; b++) {
      int lo = prompt.length + b * options.blockLength();
      int hi = lo + options.blockLength();
      if (options.adaptive()) {
        while (count(x, lo, hi) > 0) {
          step(x, promptIndex, hi, -1);
        }
      } else {
        int n = count(x, lo, hi);
        int steps = options.steps() / blocks;
        for (int i = 0; i < steps; i++) {
          step(x, promptIndex, hi, n / steps + (i < n % steps ? 1 : 0));
        }
      }
    }
  }

  private int count(int[] x, int from, int to) {
    int count = 0;
    for (int p = from; p < to; p++) {
      count += x[p] == specials.maskId() ? 1 : 0;
    }
    return count;
  }

  private void step(int[] x, boolean[] promptIndex, int hi, int transfer) {
    int forward = states.size() - 1;
    int mask = specials.maskId();
    int vocabulary = model.vocabulary;
    float[][] l = model.logits(x);
    double[][] logits = new double[x.length][vocabulary];
    int[] un = x.clone();
    for (int p = 0; p < x.length; p++) {
      un[p] = promptIndex[p] ? mask : x[p];
    }
    float[][] ul = model.logits(un);
    int[] x0 = new int[x.length];
    double[] confidence = new double[x.length];
    for (int p = 0; p < x.length; p++) {
      for (int v = 0; v < vocabulary; v++) {
        logits[p][v] =
            options.cfgScale() > 0
                ? ul[p][v] + (options.cfgScale() + 1) * ((double) l[p][v] - ul[p][v])
                : l[p][v];
      }
      if (options.logitsEosInf()) {
        logits[p][specials.eosId()] = Double.NEGATIVE_INFINITY;
      }
      double[] noisy = noisy(logits[p], forward, p);
      x0[p] = -1;
      for (int v = 0; v < vocabulary; v++) {
        if ((drawsMasks || v != mask) && (x0[p] < 0 || noisy[v] > noisy[x0[p]])) {
          x0[p] = v;
        }
      }
      if (options.confidenceEosEotInf()) {
        if (!forgetsEos || options.temperature() == 0) {
          logits[p][specials.eosId()] = Double.NEGATIVE_INFINITY;
        }
        if (specials.eotId().isPresent()) {
          logits[p][specials.eotId().getAsInt()] = Double.NEGATIVE_INFINITY;
        }
      }
      confidence[p] = confidence(softmax(logits[p]), x0[p], logits[p][x0[p]], forward, p);
      if (p >= hi || x[p] != mask) {
        confidence[p] = Double.NEGATIVE_INFINITY;
      }
    }
    List<Integer> ranked = rank(confidence);
    int taken = options.adaptive() ? adaptiveCount(confidence, ranked) : transfer;
    List<Integer> transferred =
        options.lowThreshold().isPresent()
            ? hierarchical(confidence, ranked.getFirst())
            : ranked.subList(0, taken);
    for (int p : transferred) {
      // Where it is no mask, x0 is what stands there already.
      if (x[p] == mask) {
        x[p] = x0[p];
      }
    }
    states.add(x.clone());
  }

  /**
   * Of a token that confidence_eos_eot_inf leaves out of the softmax the logit is minus infinity.
   */
  private double confidence(double[] p, int token, double logit, int forward, int position) {
    double[] sorted = p.clone();
    Arrays.sort(sorted);
    boolean last = logit == Double.NEGATIVE_INFINITY;
    return switch (options.remasking()) {
      case RANDOM -> {
        int[] words = new int[4];
        Philox.block(options.seed(), forward, position, Purposes.REMASKING, 0, words);
        yield Philox.uniform(words[0]);
      }
      case TOPK_MARGIN -> last ? -1 : sorted[p.length - 1] - sorted[p.length - 2];
      case ENTROPY -> {
        double sum = 0;
        for (double each : p) {
          sum += each == 0 ? 0 : each * Math.log(each);
        }
        yield last ? -Double.MAX_VALUE : sum;
      }
      default -> p[token];
    };
  }

  /** dInfer's generate_hierarchy: segment by segment; what is no candidate has minus infinity. */
  private List<Integer> hierarchical(double[] confidence, int best) {
    List<Integer> transferred = new ArrayList<>(List.of(best));
    int head = -1;
    for (int p = 0; p <= confidence.length; p++) {
      boolean masked = p < confidence.length && confidence[p] != Double.NEGATIVE_INFINITY;
      if (masked
          && options.threshold().isPresent()
          && confidence[p] > options.threshold().getAsDouble()) {
        transferred.add(p);
      }
      if (masked && (head < 0 || confidence[p] > confidence[head])) {
        head = p;
      }
      if (!masked && head >= 0) {
        if (confidence[head] > options.lowThreshold().getAsDouble()) {
          transferred.add(head);
        }
        head = -1;
      }
    }
    return transferred;
  }

  private int adaptiveCount(double[] confidence, List<Integer> ranked) {
    int candidates = 0;
    while (candidates < ranked.size()
        && confidence[ranked.get(candidates)] != Double.NEGATIVE_INFINITY) {
      candidates++;
    }
    int taken = 0;
    for (int r = 1; r <= candidates; r++) {
      double c = confidence[ranked.get(r - 1)];
      double bound =
          options.factor().isPresent()
              ? 1 - options.factor().getAsDouble() / (r + 1)
              : options.threshold().orElse(1);
      if (r > 1 && c < bound) {
        break;
      }
      taken = r;
    }
    return taken;
  }

  /** exp(l) / (-ln U)^T, as published. */
  private double[] noisy(double[] logits, int forward, int position) {
    if (options.temperature() == 0) {
      return logits;
    }
    double[] noisy = new double[logits.length];
    for (int v = 0; v < logits.length; v++) {
      int[] words = new int[4];
      Philox.block(options.seed(), forward, position, Philox.Purpose.GUMBEL, v / 4, words);
      double noise = Math.pow(-Math.log(Philox.uniform(words[v % 4])), options.temperature());
      noisy[v] = Math.exp(logits[v]) / noise;
    }
    return noisy;
  }

  static double[] softmax(double[] logits) {
    double highest = Double.NEGATIVE_INFINITY;
    for (double logit : logits) {
      highest = Math.max(highest, logit);
    }
    double[] p = new double[logits.length];
    double sum = 0;
    for (int v = 0; v < p.length; v++) {
      p[v] = Math.exp(logits[v] - highest);
      sum += p[v];
    }
    for (int v = 0; v < p.length; v++) {
      p[v] /= sum;
    }
    return p;
  }

  /** Selection by repeated maximum: higher first, ties by lower position. */
  private static List<Integer> rank(double[] confidence) {
    boolean[] used = new boolean[confidence.length];
    List<Integer> ranked = new ArrayList<>();
    for (int r = 0; r < confidence.length; r++) {
      int best = -1;
      for (int p = 0; p < confidence.length; p++) {
        if (!used[p] && (best < 0 || confidence[p] > confidence[best])) {
          best = p;
        }
      }
      used[best] = true;
      ranked.add(best);
    }
    return ranked;
  }
}
