package dev.palimpsest.sampler;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.Remasking;
import dev.palimpsest.sampler.run.SamplerRun;
import java.util.OptionalInt;
import java.util.Random;

/** A seeded request to a seeded model, of any kind. */
public final class Case {
  private final HashModel model;
  private final SpecialTokens specials;
  private final int[] prompt;
  private final LladaOptions options;

  private Case(HashModel model, SpecialTokens specials, Random random) {
    this.model = model;
    this.specials = specials;
    prompt = prompt(random, model.vocabulary, specials);
    options = options(random);
  }

  /** A case of its own model, in which the mask id is never drawn if {@code neverMask}. */
  public static Case of(long seed, boolean neverMask) {
    Random random = new Random(seed);
    int vocabulary = 6 + random.nextInt(20);
    SpecialTokens specials = specials(random, vocabulary);
    int levels = random.nextInt(3) == 0 ? 2 + random.nextInt(3) : 0;
    double spread = 1 + 5 * random.nextDouble();
    HashModel model =
        new HashModel(vocabulary, seed, spread, levels, neverMask ? specials.maskId() : -1);
    return new Case(model, specials, random);
  }

  /** Another request to the same model. */
  public Case another(long seed) {
    return new Case(model, specials, new Random(seed));
  }

  public HashModel model() {
    return model;
  }

  public SpecialTokens specials() {
    return specials;
  }

  public int[] prompt() {
    return prompt.clone();
  }

  public LladaOptions options() {
    return options;
  }

  public SamplerRun run() {
    return new SamplerRun(options.sampler(specials), prompt, options.genLength());
  }

  private static SpecialTokens specials(Random random, int vocabulary) {
    int mask = random.nextInt(vocabulary);
    int eos = (mask + 1 + random.nextInt(vocabulary - 1)) % vocabulary;
    int eot = (mask + 1 + random.nextInt(vocabulary - 1)) % vocabulary;
    return new SpecialTokens(
        mask, eos, random.nextInt(3) == 0 ? OptionalInt.empty() : OptionalInt.of(eot));
  }

  private static int[] prompt(Random random, int vocabulary, SpecialTokens specials) {
    int[] prompt = new int[random.nextInt(9)];
    for (int p = 0; p < prompt.length; p++) {
      prompt[p] = (specials.maskId() + 1 + random.nextInt(vocabulary - 1)) % vocabulary;
    }
    return prompt;
  }

  private static LladaOptions options(Random random) {
    int blockLength = 1 + random.nextInt(7);
    int blocks = 1 + random.nextInt(4);
    LladaOptions.Builder builder =
        LladaOptions.builder()
            .blockLength(blockLength)
            .genLength(blockLength * blocks)
            .steps(blocks * (1 + random.nextInt(9)))
            .temperature(random.nextBoolean() ? 0 : 1.5 * random.nextDouble())
            .cfgScale(random.nextInt(3) == 0 ? 2 * random.nextDouble() : 0)
            .logitsEosInf(random.nextInt(4) == 0)
            .confidenceEosEotInf(random.nextInt(3) == 0)
            .seed(random.nextLong());
    switch (random.nextInt(9)) {
      case 0 -> builder.threshold(0.05 + 0.9 * random.nextDouble());
      case 1 -> builder.factor(0.1 + 2 * random.nextDouble());
      case 2 -> builder.remasking(Remasking.RANDOM);
      case 3 -> builder.remasking(Remasking.TOPK_MARGIN);
      case 4 -> builder.remasking(Remasking.ENTROPY);
      case 5 -> builder.lowThreshold(0.7 * random.nextDouble());
      case 6 ->
          builder
              .lowThreshold(0.5 * random.nextDouble())
              .threshold(0.5 + 0.5 * random.nextDouble());
      default -> builder.remasking(Remasking.LOW_CONFIDENCE);
    }
    return builder.build();
  }
}
