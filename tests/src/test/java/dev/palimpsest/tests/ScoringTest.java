package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.LoadOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Scoring;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a causal model says of given texts, against a softmax of its logits. */
final class ScoringTest {
  private static LanguageModel model;

  @BeforeAll
  static void load() {
    model =
        LanguageModel.load(
            Path.of("../models/abacus-ar"), LoadOptions.on(Compute.onHost(Precision.F32, 2)));
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static LongStream seeds() {
    return LongStream.range(0, 8);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyTokenHasTheSoftmaxOfTheLogitsBeforeItWhateverElseIsComputed(long seed) {
    Random random = new Random(seed);
    int length = 1 + random.nextInt(model.limits().maxLength());
    int[] text = random.ints(length, 0, model.limits().vocabulary()).toArray();
    Scoring scoring = model.generator().scoring(text, true, 3);
    Driver driver = new Driver(model.model().transformer());
    driver.submit(
        model.generator().run(new int[] {5}, model.options(Map.of("gen_length", 3), 1)),
        SnapshotListener.NONE);
    driver.submit(scoring);
    driver.run(() -> false);

    int[] rows = IntStream.range(0, length).toArray();
    float[] logits =
        model
            .model()
            .transformer()
            .logits(new Query(text, 0, rows, 0, Draw.GREEDY, Optional.empty()));
    int vocabulary = model.limits().vocabulary();
    for (int position = 1; position < length; position++) {
      int first = (position - 1) * vocabulary;
      double sum = 0;
      int best = 0;
      for (int id = 0; id < vocabulary; id++) {
        sum += Math.exp(logits[first + id]);
        best = logits[first + id] > logits[first + best] ? id : best;
      }
      assertThat(scoring.of(position).targetLogProbability().orElseThrow())
          .as("seed %d, position %d of %d", seed, position, length)
          .isCloseTo(logits[first + text[position]] - Math.log(sum), within(1e-9));
      assertThat(scoring.of(position).argmax()).isEqualTo(best);
      assertThat(scoring.of(position).alternatives()).hasSize(3);
    }
  }
}
