package dev.palimpsest.app.trace;

import dev.palimpsest.sampler.canvas.SpecialTokens;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.sampler.run.SamplerRun;
import dev.palimpsest.sampler.trace.Trace;
import dev.palimpsest.sampler.trace.TraceHeader;
import dev.palimpsest.sampler.trace.TraceWriter;
import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;

/** Traces of a model that answers at random, in tokens that would harm a careless page. */
public final class FakeTraces {
  static final SpecialTokens SPECIALS = new SpecialTokens(0, 1, OptionalInt.empty());
  static final List<String> PIECES =
      List.of(
          "<mask>",
          "<end>",
          "<script>document.title='harmed'</script>",
          "</script>",
          "<!--",
          "<img src=x onerror=\"document.title='harmed'\">",
          "&lt;",
          "\"",
          "'",
          "\\u003c",
          "\n",
          "\u2028",
          "数",
          "𝛑",
          " word",
          "-->",
          "]]>",
          "\u0007",
          "Answer: ",
          "42");

  private FakeTraces() {}

  public static Trace write(Path file, int genLength, int steps, long seed, boolean predictions) {
    LladaOptions options =
        LladaOptions.builder()
            .genLength(genLength)
            .blockLength(genLength)
            .steps(steps)
            .seed(seed)
            .build();
    int[] prompt = {18, 2, 3};
    Run run = new SamplerRun(options.sampler(SPECIALS), prompt, genLength);
    TraceHeader header =
        new TraceHeader(
            "0.1.0",
            new TraceHeader.ModelIdentity("<b>fake</b>", "00", "11"),
            new TraceHeader.Machine("none", "none", "f32", Optional.empty()),
            TraceHeader.PROMISES,
            options.samplerName(),
            options.toMap(),
            SPECIALS,
            run.canvas(),
            run.cursor(),
            Optional.empty());
    try (TraceWriter writer = TraceWriter.open(file, header, PIECES::get, predictions)) {
      Driver driver = new Driver(model(seed));
      driver.submit(run, writer);
      driver.run(() -> false);
      writer.end(true, run.canvas());
    }
    return Trace.readWhole(file);
  }

  private static Denoiser model(long seed) {
    return queries -> queries.stream().map(query -> predict(query, seed)).toList();
  }

  private static List<Prediction> predict(Query query, long seed) {
    Random random = new Random(seed * 31 + Arrays.hashCode(query.tokens()));
    List<Prediction> predictions = new ArrayList<>();
    for (int row = 0; row < query.rows().length; row++) {
      int token = 1 + random.nextInt(PIECES.size() - 1);
      double top = random.nextDouble();
      double entropy = 3 * random.nextDouble();
      int next = 1 + random.nextInt(PIECES.size() - 1);
      predictions.add(
          new Prediction(token, top, token, top, top / 3, 1, entropy)
              .with(List.of(new Alternative(token, top), new Alternative(next, top / 3))));
    }
    return predictions;
  }
}
