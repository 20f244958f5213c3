package dev.palimpsest.tests.bench;

import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.step.Denoiser;
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
import org.openjdk.jmh.infra.Blackhole;

/** What does it cost to look inside a step? The forward of {@link ForwardBenchmark}, in f32. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 10, time = 2)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH fills in parameters and calls the set-up.
public class ProbeBenchmark {
  private static final int[] NOWHERE = {};

  /** What is looked at. */
  public enum Look {
    /** There is no probe. */
    NO_PROBE,
    /** There is one, which wants no position. */
    NOTHING,
    /** The residual stream after every block, at the asked rows. */
    RESIDUALS,
    /** The probabilities of attention of every block, at the asked rows. */
    PATTERNS
  }

  /** What is looked at. */
  @Param public Look look;

  /** Sequences of a forward. */
  @Param({"1", "32"})
  public int batch;

  private Transformer transformer;
  private Denoiser denoiser;
  private List<Query> queries;

  /** Loads the model. */
  @Setup
  public void prepare(Blackhole seen) {
    Path folder = BenchModels.folder("");
    ModelSpec spec = BenchModels.spec(folder);
    transformer =
        BenchModels.load(folder, Precision.F32, Runtime.getRuntime().availableProcessors());
    queries = BenchModels.queries(batch, spec);
    denoiser =
        switch (look) {
          case NO_PROBE -> transformer;
          case NOTHING -> probed("blocks.*.hook_resid_post", spec, seen, _ -> NOWHERE);
          case RESIDUALS -> probed("blocks.*.hook_resid_post", spec, seen, Query::rows);
          case PATTERNS -> probed("blocks.*.attn.hook_pattern", spec, seen, Query::rows);
        };
  }

  private Denoiser probed(String name, ModelSpec spec, Blackhole seen, Probe.Selection selection) {
    return transformer.probed(new Probe(Hook.named(name, spec.layers()), selection, seen::consume));
  }

  /** Frees it. */
  @TearDown
  public void end() {
    transformer.close();
  }

  /** One step's forward. */
  @Benchmark
  public List<List<Prediction>> forward() {
    return denoiser.predict(queries);
  }
}
