package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A sequence is predicted with the same bits alone and in batches of 1 to 33 sequences, in any
 * order, on any number of threads.
 */
@Tag("arithmetic")
class TransformerInvarianceTest {
  private static final int MOST_SEQUENCES = 33;
  private static final int MOST_THREADS = 3;
  private static final int[] NONE = {};

  @TempDir Path folder;

  static Stream<Arguments> setupsAndModels() {
    return Setup.ofF32()
        .flatMap(
            setup -> Stream.of(TinyLlada.values()).map(model -> Arguments.of(setup, model, 11L)));
  }

  private static List<Query> queries(SplittableRandom random, TinyLlada model) {
    List<Query> queries = new ArrayList<>();
    for (int i = 0; i < MOST_SEQUENCES; i++) {
      int length = i == 8 ? 140 : random.nextInt(1, 22);
      int[] tokens = tokens(random, length, model);
      int[] rows = IntStream.range(0, length).filter(_ -> random.nextInt(3) > 0).toArray();
      int[] undrawn = random.nextBoolean() ? NONE : new int[] {1, 2};
      double temperature = i % 2 == 0 ? 0 : random.nextDouble(0.1, 2);
      Draw draw = new Draw(temperature, Optional.empty(), random.nextLong(), i, undrawn, NONE);
      Optional<Query.Guidance> guidance =
          i % 5 == 0
              ? Optional.of(new Query.Guidance(tokens(random, length, model), 0.5))
              : Optional.empty();
      queries.add(new Query(tokens, random.nextInt(50), rows, 0, draw, guidance));
    }
    return queries;
  }

  private static int[] tokens(SplittableRandom random, int length, TinyLlada model) {
    return random.ints(length, 0, model.spec().vocabulary()).toArray();
  }

  @ParameterizedTest(name = "{0}, {1}, seed {2}")
  @MethodSource("setupsAndModels")
  void aPredictionDoesNotDependOnTheBatchItsOrderOrTheThreads(
      Setup setup, TinyLlada model, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    model.write(folder, seed);
    List<Query> queries = queries(random, model);
    List<List<Prediction>> alone = new ArrayList<>();
    try (Transformer transformer = TinyLlada.load(folder, setup.backend(1))) {
      queries.forEach(query -> alone.add(transformer.predict(List.of(query)).getFirst()));
    }
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
      try (Transformer transformer = TinyLlada.load(folder, setup.backend(threads))) {
        for (int size = threads; size <= MOST_SEQUENCES; size += MOST_THREADS) {
          assertSame(transformer, random, queries, alone, size, threads);
        }
        assertSame(transformer, random, queries, alone, MOST_SEQUENCES, threads);
      }
    }
  }

  private static void assertSame(
      Transformer transformer,
      SplittableRandom random,
      List<Query> queries,
      List<List<Prediction>> alone,
      int size,
      int threads) {
    int[] chosen = random.ints(0, MOST_SEQUENCES).distinct().limit(size).toArray();
    List<List<Prediction>> found =
        transformer.predict(Arrays.stream(chosen).mapToObj(queries::get).toList());
    assertThat(found).hasSize(size);
    for (int i = 0; i < size; i++) {
      assertThat(found.get(i))
          .as("sequence %d, %d of %d, %d threads", chosen[i], i, size, threads)
          .isEqualTo(alone.get(chosen[i]));
    }
  }

  @ParameterizedTest(name = "{0}, {1}, seed {2}")
  @MethodSource("setupsAndModels")
  void aPredictionDoesNotDependOnWhichOtherRowsAreAsked(Setup setup, TinyLlada model, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    model.write(folder, seed);
    int length = 70;
    int[] tokens = tokens(random, length, model);
    Draw draw = new Draw(0.7, Optional.empty(), seed, 1, NONE, NONE);
    int[] every = IntStream.range(0, length).toArray();
    try (Transformer transformer = TinyLlada.load(folder, setup.backend(2))) {
      List<Prediction> all =
          transformer
              .predict(List.of(new Query(tokens, 0, every, 0, draw, Optional.empty())))
              .getFirst();
      for (int size : new int[] {1, 2, 25, 31, 32, 33, 48, 64}) {
        int[] rows = random.ints(0, length).distinct().limit(size).sorted().toArray();
        List<Prediction> some =
            transformer
                .predict(List.of(new Query(tokens, 0, rows, 0, draw, Optional.empty())))
                .getFirst();
        assertThat(some).isEqualTo(Arrays.stream(rows).mapToObj(all::get).toList());
      }
    }
  }

  @ParameterizedTest(name = "{0}, {1}, seed {2}")
  @MethodSource("setupsAndModels")
  void logitsAreThoseThatPredictionsSumUp(Setup setup, TinyLlada model, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    model.write(folder, seed);
    List<Query> queries = queries(random, model);
    List<float[]> first = new ArrayList<>();
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
      try (Transformer transformer = TinyLlada.load(folder, setup.backend(threads))) {
        for (int i = 0; i < MOST_SEQUENCES; i += 8) {
          Query query = queries.get(i);
          float[] logits = transformer.logits(query);
          if (threads == 1) {
            first.add(logits);
          }
          assertThat(logits).containsExactly(first.get(i / 8));
          assertSumUp(transformer.predict(List.of(query)).getFirst(), query, logits, model);
        }
      }
    }
  }

  private static void assertSumUp(
      List<Prediction> predictions, Query query, float[] logits, TinyLlada model) {
    int width = model.spec().vocabulary();
    assertThat(logits).hasSize(query.rows().length * width);
    for (int i = 0; i < predictions.size(); i++) {
      double[] row = new double[width];
      for (int id = 0; id < width; id++) {
        row[id] = logits[i * width + id];
      }
      Prediction found = predictions.get(i);
      double top = Arrays.stream(row).max().orElseThrow();
      double sum = Arrays.stream(row).map(logit -> Math.exp(logit - top)).sum();
      assertThat(found.top()).isCloseTo(1 / sum, within(1e-6));
      assertThat(found.logSumExp()).isCloseTo(top + Math.log(sum), within(1e-5));
      if (query.draw().undrawn().length == 0) {
        assertThat(row[found.argmax()]).isEqualTo(top);
      }
    }
  }
}
