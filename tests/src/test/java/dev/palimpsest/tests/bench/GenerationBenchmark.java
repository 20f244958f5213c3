package dev.palimpsest.tests.bench;

import dev.palimpsest.api.ModelTraits;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.LladaOptions;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Generator;
import dev.palimpsest.sampler.run.Request;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** How long does a whole text take? 48 steps over a canvas of 48 masks after 48 prompt tokens. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 8, time = 3)
@Measurement(iterations = 5, time = 2)
@SuppressWarnings("NullAway.Init") // JMH fills in parameters and calls the set-up.
public class GenerationBenchmark {
  /** Folder of the model; the bundled one if empty. */
  @Param("")
  public String model;

  /** Of weights and products. */
  @Param({"F32", "BF16"})
  public Precision precision;

  /** Texts that are written together. */
  @Param({"1", "32"})
  public int batch;

  private Transformer transformer;
  private Generator generator;
  private LladaOptions options;
  private List<int[]> prompts = List.of();

  /** Loads the model. */
  @Setup
  public void prepare() {
    Path folder = BenchModels.folder(model);
    ModelSpec spec = BenchModels.spec(folder);
    transformer = BenchModels.load(folder, precision, Runtime.getRuntime().availableProcessors());
    generator =
        new Generator(
            transformer, ModelTraits.limits(spec), ModelTraits.specials(spec, OptionalInt.empty()));
    options =
        LladaOptions.builder()
            .steps(BenchModels.CANVAS)
            .genLength(BenchModels.CANVAS)
            .blockLength(BenchModels.CANVAS)
            .build();
    prompts = BenchModels.prompts(batch, spec);
  }

  /** Frees it. */
  @TearDown
  public void end() {
    transformer.close();
  }

  /** The whole batch, from prompts to texts. */
  @Benchmark
  public List<Generation> generation() {
    List<Request> requests =
        prompts.stream()
            .map(prompt -> generator.request(prompt, options, SnapshotListener.NONE))
            .toList();
    return generator.generateAll(requests, Driver.UNLIMITED);
  }
}
