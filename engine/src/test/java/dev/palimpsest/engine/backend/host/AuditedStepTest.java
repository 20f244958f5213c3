package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The host with its memory poisoned before every step. */
final class AuditedStepTest {
  @TempDir private Path folder;

  private static List<Precision> precisions() {
    return HostBackend.multipliesBf16()
        ? List.of(Precision.F32, Precision.BF16)
        : List.of(Precision.F32);
  }

  @Test
  void whatAStepDidNotWriteItselfIsNotANumberInEitherPrecision() {
    for (Precision precision : precisions()) {
      try (HostBackend backend = new HostBackend(precision, 2, true)) {
        backend.begin(1000);
        assertThat(backend.read(new Activation(0, 10, 100, 100))).containsOnly(Float.NaN);
        backend.begin(10);
        assertThat(backend.read(new Activation(0, 10, 100, 100))).containsOnly(Float.NaN);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(TinyLlada.class)
  void aPoisonedModelPredictsTheSameToTheLastBit(TinyLlada model) {
    model.write(folder, 5);
    for (Precision precision : precisions()) {
      assertThat(predictions(model, new HostBackend(precision, 2, true)))
          .isEqualTo(predictions(model, new HostBackend(precision, 2)));
    }
  }

  /** Long and short sequences in turn, so that a step finds a longer one's leavings. */
  private List<List<Prediction>> predictions(TinyLlada model, HostBackend backend) {
    SplittableRandom random = new SplittableRandom(6);
    List<List<Prediction>> predictions = new ArrayList<>();
    try (Transformer transformer = TinyLlada.load(folder, backend)) {
      for (int length : new int[] {70, 3, 25, 1, 49}) {
        int[] tokens = random.ints(length, 0, model.spec().vocabulary()).toArray();
        int[] rows = IntStream.range(0, length).toArray();
        Query query = new Query(tokens, 0, rows, 0, Draw.GREEDY, Optional.empty());
        predictions.addAll(transformer.predict(List.of(query)));
      }
    }
    return predictions;
  }
}
