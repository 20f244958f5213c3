package dev.palimpsest.tests.bench;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.SamplingOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What does the exact cache save block diffusion? 64 positions in blocks of 16, four steps a block,
 * after prompts of 256 random tokens that no other text shares; random weights of SDAR's geometry.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 10)
@Measurement(iterations = 10)
@SuppressWarnings("NullAway.Init") // JMH fills in parameters and calls the set-up.
public class BlockBenchmark {
  private static final int PROMPT = 256;
  private static final SamplingOptions OPTIONS =
      SamplingOptions.of(
          "block",
          Map.of(
              "gen_length",
              64,
              "block_length",
              16,
              "steps",
              4,
              "remasking",
              "low_confidence_static"));

  /** Whether there is a KV cache, or keys and values are computed again at every step. */
  @Param({"true", "false"})
  public boolean kvCache;

  /** Texts that are written together. */
  @Param({"1", "8"})
  public int batch;

  private final SplittableRandom random = new SplittableRandom(1);
  private Path folder;
  private ModelSpec spec;
  private Transformer transformer;
  private Generator generator;
  private List<Request> requests;

  /** Writes and loads the model. */
  @Setup
  public void prepare() throws IOException {
    folder = Files.createTempDirectory("palimpsest-sdar");
    RandomCheckpoint.write(folder, RandomCheckpoint.SMALL_SDAR);
    spec = BenchModels.spec(folder);
    transformer =
        BenchModels.load(folder, Precision.F32, Runtime.getRuntime().availableProcessors());
    Denoiser denoiser = kvCache ? transformer : transformer::recompute;
    generator =
        new Generator(
            denoiser, ModelTraits.limits(spec), ModelTraits.specials(spec, OptionalInt.empty()));
  }

  /** Prompts that have not been read before. */
  @Setup(Level.Invocation)
  public void nextPrompts() {
    requests = new ArrayList<>();
    for (int i = 0; i < batch; i++) {
      int[] prompt = random.ints(PROMPT, 0, spec.vocabulary() - 2).toArray();
      requests.add(generator.request(prompt, OPTIONS, SnapshotListener.NONE));
    }
  }

  /** Frees and deletes it. */
  @TearDown
  public void end() throws IOException {
    transformer.close();
    RandomCheckpoint.delete(folder);
  }

  /** The whole batch, from prompts to texts. */
  @Benchmark
  public List<Generation> generation() {
    return generator.generateAll(requests, Driver.UNLIMITED);
  }
}
