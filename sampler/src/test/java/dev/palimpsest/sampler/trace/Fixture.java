package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.AnyCase;
import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.intervention.Language;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Denoiser;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A seeded request to a seeded model with any of the samplers, whose text is hostile: the pieces
 * are markup, quotes, line ends and more than one byte long.
 */
public final class Fixture {
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
          "x",
          "3",
          "4");

  private final AnyCase request;

  private Fixture(AnyCase request) {
    this.request = request;
  }

  /** Any request: each of the samplers comes up. */
  public static Fixture of(long seed) {
    return new Fixture(AnyCase.of(seed));
  }

  /** A request to one of the samplers. */
  public static Fixture of(long seed, String samplerName) {
    return new Fixture(AnyCase.of(seed, samplerName));
  }

  public Denoiser model() {
    return request.model();
  }

  public SamplingOptions options() {
    return request.options();
  }

  public SpecialTokens specials() {
    return request.specials();
  }

  public Run run() {
    return request.run();
  }

  /** Its pieces as a language, in which every piece is written as it is. */
  public Language language() {
    return new Language(
        specials(),
        request.model().vocabulary,
        Fixture::piece,
        text -> {
          int id = PIECES.indexOf(text);
          return id < 0 ? new int[] {3, 3} : new int[] {id};
        });
  }

  /** Whether it takes a dozen steps or more. */
  boolean isLong() {
    return options() instanceof LladaOptions llada && !llada.adaptive() && llada.steps() >= 12;
  }

  public static String piece(int id) {
    return PIECES.get(id);
  }

  public TraceHeader header() {
    Run run = run();
    return new TraceHeader(
        "0.1.0",
        new TraceHeader.ModelIdentity("hash", "00ff", "ff00"),
        new TraceHeader.Machine("fake", "none", "f64", Optional.of("fake/1")),
        TraceHeader.PROMISES,
        options().samplerName(),
        options().toMap(),
        specials(),
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
      Driver driver = new Driver(model());
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
}
