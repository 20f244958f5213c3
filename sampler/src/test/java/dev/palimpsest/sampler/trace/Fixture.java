package dev.palimpsest.sampler.trace;

import dev.palimpsest.engine.Denoiser;
import dev.palimpsest.sampler.CanvasImage;
import dev.palimpsest.sampler.Driver;
import dev.palimpsest.sampler.GenerateOptions;
import dev.palimpsest.sampler.HashModels;
import dev.palimpsest.sampler.Remasking;
import dev.palimpsest.sampler.Run;
import dev.palimpsest.sampler.SamplingOptions;
import dev.palimpsest.sampler.SpecialTokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A seeded request to a seeded model, whose text is hostile: the pieces are markup, quotes, line
 * ends and more than one byte long.
 */
public final class Fixture {
  static final SpecialTokens SPECIALS = new SpecialTokens(0, 1, OptionalInt.of(2));
  private static final int VOCABULARY = 24;
  private static final List<String> PIECES =
      List.of(
          "<mask>",
          "<eos>",
          "<eot>",
          "<script>alert(1)</script>",
          "</script>",
          "<!--",
          "]]>",
          "&amp;",
          "\"",
          "'",
          "\\",
          "\n",
          "\u2028",
          "ü",
          "数",
          "𝛑",
          "\u0000",
          " a",
          "1",
          "2",
          "+",
          "=",
          "Answer: ",
          "x");

  private final Denoiser model;
  private final SamplingOptions options;
  private final int[] prompt;

  private Fixture(Denoiser model, SamplingOptions options, int[] prompt) {
    this.model = model;
    this.options = options;
    this.prompt = prompt;
  }

  /** Any request: each of the samplers' ways comes up. */
  public static Fixture of(long seed) {
    Random random = new Random(seed);
    int blockLength = 1 + random.nextInt(6);
    int blocks = 1 + random.nextInt(3);
    GenerateOptions.Builder builder =
        GenerateOptions.builder()
            .blockLength(blockLength)
            .genLength(blockLength * blocks)
            .steps(blocks * (1 + random.nextInt(6)))
            .temperature(random.nextBoolean() ? 0 : 1.2)
            .cfgScale(random.nextInt(4) == 0 ? 1.5 : 0)
            .seed(random.nextLong());
    switch (random.nextInt(4)) {
      case 0 -> builder.threshold(0.3);
      case 1 -> builder.remasking(Remasking.RANDOM);
      default -> builder.remasking(Remasking.LOW_CONFIDENCE);
    }
    int[] prompt = random.ints(random.nextInt(5), 3, VOCABULARY).toArray();
    return new Fixture(HashModels.of(VOCABULARY, seed), builder.build(), prompt);
  }

  public Denoiser model() {
    return model;
  }

  /** Whether it takes a dozen steps or more. */
  boolean isLong() {
    return options instanceof GenerateOptions llada && !llada.adaptive() && llada.steps() >= 12;
  }

  public static String piece(int id) {
    return PIECES.get(id);
  }

  public Run run() {
    return new Run(options.sampler(SPECIALS), prompt, options.genLength());
  }

  public TraceHeader header() {
    Run run = run();
    return new TraceHeader(
        "0.1.0",
        new TraceHeader.ModelIdentity("hash", "00ff", "ff00"),
        new TraceHeader.Machine("fake", "none", "f64"),
        TraceHeader.PROMISES,
        options.samplerName(),
        options.toMap(),
        SPECIALS,
        run.canvas(),
        run.cursor(),
        Optional.empty());
  }

  /** Generates into a trace and returns every canvas, the first before the first step. */
  public List<CanvasImage> generate(Path file, boolean predictions) {
    Run run = run();
    List<CanvasImage> canvases = new ArrayList<>();
    canvases.add(run.canvas());
    try (TraceWriter writer = TraceWriter.open(file, header(), Fixture::piece, predictions)) {
      Driver driver = new Driver(model);
      driver.submit(
          run,
          snapshot -> {
            writer.snapshot(snapshot);
            canvases.add(snapshot.canvas());
          });
      driver.run(() -> false);
      writer.end(run.finished(), run.canvas());
    }
    return canvases;
  }

  static List<Integer> positions(CanvasImage canvas) {
    return IntStream.range(canvas.promptLength(), canvas.length()).boxed().toList();
  }
}
