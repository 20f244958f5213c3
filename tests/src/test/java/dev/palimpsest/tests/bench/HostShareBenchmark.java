package dev.palimpsest.tests.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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
 * What does the host do in a step on a device, from ids to predictions? An emulated device, whose
 * graphs do nothing; what a real driver takes to launch a graph is not in it. LLaDA-8B's 32 layers,
 * of small width, and one sequence, all of whose tokens are asked for.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 10, time = 1)
@Measurement(iterations = 5, time = 1)
@SuppressWarnings("NullAway.Init") // JMH fills in parameters and calls the set-up.
public class HostShareBenchmark {
  private static final int STEPS_BEFORE_GRAPHS = 3;

  /** Tokens of the sequence. */
  @Param({"32", "256"})
  public int length;

  private Path folder;
  private Transformer transformer;
  private List<Query> queries;

  /** Writes and loads the model, and lets the step become a graph. */
  @Setup
  public void prepare() throws Throwable {
    Path emulator = Path.of(System.getProperty("palimpsest.home"), "native", "target", "emulator");
    System.setProperty(Cuda.EMULATOR, emulator.toString());
    folder = Files.createTempDirectory("palimpsest-llada");
    RandomCheckpoint.write(folder, RandomCheckpoint.DEEP_LLADA);
    ModelSpec spec = BenchModels.spec(folder);
    transformer =
        BenchModels.load(folder, CudaBackend.open(Precision.BF16, CudaOptions.DEFAULT, spec));
    int[] tokens = new SplittableRandom(1).ints(length, 0, spec.vocabulary()).toArray();
    int[] rows = IntStream.range(0, length).toArray();
    queries = List.of(new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty()));
    for (int step = 0; step < STEPS_BEFORE_GRAPHS; step++) {
      transformer.predict(queries);
    }
    idle(emulator);
  }

  private static void idle(Path emulator) throws Throwable {
    Linker.nativeLinker()
        .downcallHandle(
            SymbolLookup.libraryLookup(emulator.resolve("libcuda.so.1"), Arena.global())
                .findOrThrow("palimpsest_emulator_idle"),
            FunctionDescriptor.ofVoid(JAVA_INT))
        .invokeExact(1);
  }

  /** Frees and deletes it. */
  @TearDown
  public void end() throws IOException {
    transformer.close();
    RandomCheckpoint.delete(folder);
  }

  /** A step, less what the device does. */
  @Benchmark
  public List<List<Prediction>> step() {
    return transformer.predict(queries);
  }
}
