package dev.palimpsest.tests.bench;

import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.List;
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

/**
 * How long does one forward take, and what does it allocate ({@code -prof gc})? Sequences of 96
 * tokens, 48 of them masks that are asked for.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 10, time = 2)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH fills in parameters and calls the set-up.
public class ForwardBenchmark {
  /** Folder of the model; the bundled one if empty. */
  @Param("")
  public String model;

  /** Of weights and products. */
  @Param({"F32", "BF16"})
  public Precision precision;

  /** Sequences of a forward. */
  @Param({"1", "32"})
  public int batch;

  private Transformer transformer;
  private List<Query> queries;

  /** Loads the model. */
  @Setup
  public void prepare() {
    Path folder = BenchModels.folder(model);
    transformer = BenchModels.load(folder, precision, Runtime.getRuntime().availableProcessors());
    queries = BenchModels.queries(batch, BenchModels.spec(folder));
  }

  /** Frees it. */
  @TearDown
  public void end() {
    transformer.close();
  }

  /** One step's forward. */
  @Benchmark
  public List<List<Prediction>> forward() {
    return transformer.predict(queries);
  }
}
