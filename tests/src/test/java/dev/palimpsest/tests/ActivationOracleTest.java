package dev.palimpsest.tests;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.Safetensors;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.engine.probe.Hook;
import dev.palimpsest.engine.probe.Probe;
import dev.palimpsest.engine.probe.Reading;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a probe reads against what PyTorch's forward hooks see, {@code oracle/activations.py}. */
final class ActivationOracleTest {
  private static final Path ORACLE = Path.of("src", "test", "resources", "oracle");

  private static int[] integers(Tensor tensor) {
    return IntStream.range(0, Math.toIntExact(tensor.elements()))
        .map(i -> Math.toIntExact(tensor.data().get(JAVA_LONG_UNALIGNED, 8L * i)))
        .toArray();
  }

  private static double relativeError(float[] found, Tensor expected) {
    assertThat(found).hasSize(Math.toIntExact(expected.elements()));
    double difference = 0;
    double magnitude = 0;
    for (int i = 0; i < found.length; i++) {
      double recorded = expected.data().get(JAVA_FLOAT_UNALIGNED, 4L * i);
      difference += (found[i] - recorded) * (found[i] - recorded);
      magnitude += recorded * recorded;
    }
    return Math.sqrt(difference / magnitude);
  }

  /** The case {@code forward} of SDAR and LLaDA2 has blocks of another length than the models. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "llada-mha, 26, 0",
    "llada-gqa, 38, 0",
    "llada-moe, 26, 0",
    "dream, 26, 0",
    "sdar, 26, 4",
    "llada2-moe, 38, 8",
    "llama, 26, 0",
    "qwen2, 26, 0",
    "qwen3, 26, 0",
    "qwen2-window, 38, 0",
    "qwen3-window, 38, 0",
  })
  void everyHookReadsWhatPyTorchSees(String folder, int hooks, int blockLength) {
    try (Checkpoint checkpoint = Checkpoint.open(ORACLE.resolve(folder));
        Safetensors seen =
            Safetensors.open(ORACLE.resolve(folder).resolve("activations.safetensors"))) {
      ModelSpec published = Families.spec(checkpoint.config(), _ -> {});
      ModelSpec spec = blockLength > 0 ? published.withBlockLength(blockLength) : published;
      List<Hook> wanted =
          seen.names().stream()
              .filter(name -> name.contains("hook_"))
              .flatMap(name -> Hook.named(name, spec.layers()).stream())
              .toList();
      assertThat(wanted).hasSize(hooks);
      int[] positions = integers(seen.tensor("positions"));
      List<Reading> readings = new ArrayList<>();
      Compute host = Compute.onHost(Precision.F32, 2);
      try (Transformer model =
          Transformer.load(checkpoint, spec, host.open(spec, _ -> {}), _ -> {})) {
        Query query =
            new Query(
                integers(seen.tensor("input_ids")),
                0,
                new int[] {1},
                0,
                Draw.GREEDY,
                Optional.empty());
        model.probed(new Probe(wanted, _ -> positions, readings::add)).predict(List.of(query));
      }
      assertThat(readings).hasSize(hooks);
      for (Reading reading : readings) {
        String name = reading.hook().name();
        float[] values = name.endsWith("hook_pattern") ? padded(reading, seen) : reading.values();
        assertThat(relativeError(values, seen.tensor(name))).as(name).isLessThan(1e-5);
      }
    }
  }

  /** Masks are read last, and a pattern's columns are the text's all the same. */
  @Test
  void keysThatAreReadInAnotherOrderStandWhereTheirTokensDo() {
    int[] tokens = {5, 159, 7, 8, 159, 9};
    int[] positions = {1, 3, 5};
    List<Reading> readings = new ArrayList<>();
    try (Checkpoint checkpoint = Checkpoint.open(ORACLE.resolve("wedlm-qwen3"))) {
      ModelSpec spec = Families.spec(checkpoint.config());
      Compute host = Compute.onHost(Precision.F32, 1);
      List<Hook> pattern = Hook.named("blocks.0.attn.hook_pattern", spec.layers());
      try (Transformer model =
          Transformer.load(checkpoint, spec, host.open(spec, _ -> {}), _ -> {})) {
        Query query = new Query(tokens, 0, new int[] {1, 4}, 0, Draw.GREEDY, Optional.empty());
        model.probed(new Probe(pattern, _ -> positions, readings::add)).predict(List.of(query));
      }
      Reading reading = readings.getFirst();
      int heads = spec.attention().heads();
      assertThat(reading.columns()).isEqualTo(tokens.length);
      // The mask at 1 sees all that is known and itself; known tokens see no mask.
      boolean[][] seen = {
        {true, true, true, true, false, true},
        {true, false, true, true, false, false},
        {true, false, true, true, false, true}
      };
      for (int row = 0; row < positions.length * heads; row++) {
        double sum = 0;
        for (int key = 0; key < tokens.length; key++) {
          float weight = reading.values()[row * tokens.length + key];
          assertThat(weight > 0).as("row %d, key %d", row, key).isEqualTo(seen[row / heads][key]);
          sum += weight;
        }
        assertThat(sum).isCloseTo(1, within(1e-5));
      }
    }
  }

  /** A step computes no keys that no row sees; there the probabilities are 0. */
  private static float[] padded(Reading reading, Safetensors seen) {
    int length = Math.toIntExact(seen.tensor("input_ids").elements());
    float[] padded = new float[reading.rows() * length];
    for (int row = 0; row < reading.rows(); row++) {
      float[] own =
          Arrays.copyOfRange(
              reading.values(), row * reading.columns(), (row + 1) * reading.columns());
      System.arraycopy(own, 0, padded, row * length, own.length);
    }
    return padded;
  }
}
