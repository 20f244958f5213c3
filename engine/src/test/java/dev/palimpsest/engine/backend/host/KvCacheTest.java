package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** With a KV cache, every prediction has the bits that the tokens alone give. */
@Tag("arithmetic")
class KvCacheTest {
  private static final int[] NONE = {};
  private static final long AMPLE = 64 << 20;
  private static final int STEPS = 12;

  @TempDir Path folder;

  static Stream<Arguments> setupsFamiliesAndSeeds() {
    return Setup.withSeeds(Setup.ofF32(), 2)
        .flatMap(
            each ->
                Stream.of(TinyFamily.values())
                    .map(family -> Arguments.of(each.get()[0], family, each.get()[1])));
  }

  /** Sequences that grow, fork and start again with a prefix that some other has. */
  private static final class Texts {
    private final SplittableRandom random;
    private final int vocabulary;
    private final List<int[]> texts = new ArrayList<>();

    Texts(SplittableRandom random, int vocabulary) {
      this.random = random;
      this.vocabulary = vocabulary;
      texts.add(draw(40));
    }

    int[] draw(int length) {
      return random.ints(length, 0, vocabulary).toArray();
    }

    Query next(boolean shifted) {
      int[] base = texts.get(random.nextInt(texts.size()));
      int shared = random.nextInt(4) == 0 ? random.nextInt(base.length + 1) : base.length;
      int[] grown = draw(random.nextInt(1, random.nextInt(5) == 0 ? 200 : 12));
      int[] text = Arrays.copyOf(base, Math.min(400, shared + grown.length));
      for (int i = shared; i < text.length; i++) {
        text[i] = grown[i - shared];
      }
      texts.add(text);
      int[] open = draw(random.nextInt(shifted ? 1 : 0, 40));
      int[] tokens = Arrays.copyOf(text, text.length + open.length);
      System.arraycopy(open, 0, tokens, text.length, open.length);
      int asked = random.nextInt(1, Math.min(tokens.length, 9) + 1);
      int first = random.nextInt(3) == 0 ? 0 : tokens.length - asked;
      int[] rows = random.ints(asked, first, tokens.length).distinct().sorted().toArray();
      Draw draw =
          new Draw(random.nextInt(2) * 0.8, Optional.empty(), random.nextLong(), 3, NONE, NONE);
      int position = random.nextInt(6) == 0 ? 5 : 0;
      return new Query(tokens, position, rows, text.length, draw, Optional.empty());
    }
  }

  @ParameterizedTest(name = "{0}, {1}, seed {2}")
  @MethodSource("setupsFamiliesAndSeeds")
  void predictionsAreThoseOfTheTokensAlone(Setup setup, TinyFamily family, long seed) {
    family.write(folder, seed);
    for (long bytes : new long[] {AMPLE, AMPLE / 1024}) {
      SplittableRandom random = new SplittableRandom(seed);
      Texts texts = new Texts(random, family.spec().vocabulary());
      try (Transformer transformer = family.load(folder, setup.backend(2), bytes)) {
        for (int step = 0; step < STEPS; step++) {
          List<Query> queries =
              Stream.generate(() -> texts.next(family.spec().reading().shifted()))
                  .limit(random.nextInt(1, 7))
                  .toList();
          List<List<Prediction>> found = transformer.predict(queries);
          assertThat(found)
              .as("step %d with %d bytes", step, bytes)
              .isEqualTo(transformer.recompute(queries));
          assertThat(transformer.predict(queries)).as("again").isEqualTo(found);
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}, {1}, seed {2}")
  @MethodSource("setupsFamiliesAndSeeds")
  void aTextThatGrowsTokenByTokenIsPredictedAsIfWhole(Setup setup, TinyFamily family, long seed) {
    family.write(folder, seed);
    int[] text = new SplittableRandom(seed).ints(150, 0, family.spec().vocabulary()).toArray();
    try (Transformer transformer = family.load(folder, setup.backend(1), AMPLE)) {
      for (int length = 1; length <= text.length; length += length < 20 ? 1 : 17) {
        Query query =
            new Query(
                Arrays.copyOf(text, length),
                0,
                new int[] {length - 1},
                length,
                Draw.GREEDY,
                Optional.empty());
        assertThat(transformer.predict(List.of(query)))
            .as("%d tokens", length)
            .isEqualTo(transformer.recompute(List.of(query)));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(value = TinyFamily.class, mode = EnumSource.Mode.EXCLUDE, names = "CANVAS")
  void whatIsAskedDoesNotDependOnTokensThatItCannotSee(TinyFamily family) {
    family.write(folder, 5);
    SplittableRandom random = new SplittableRandom(5);
    int[] text = random.ints(96, 0, family.spec().vocabulary()).toArray();
    try (Transformer transformer =
        family.load(folder, Setup.all().findFirst().orElseThrow().backend(1), 0)) {
      int seen =
          family
              .spec()
              .attention()
              .pattern()
              .limit(family.spec().reading().shifted() ? 39 : 40, 96);
      Query whole = new Query(text, 0, new int[] {40}, 0, Draw.GREEDY, Optional.empty());
      int length = Math.max(41, seen);
      Query cut =
          new Query(
              Arrays.copyOf(text, length), 0, new int[] {40}, 0, Draw.GREEDY, Optional.empty());
      assertThat(transformer.predict(List.of(cut))).isEqualTo(transformer.predict(List.of(whole)));
    }
  }

  @ParameterizedTest
  @EnumSource(TinyFamily.class)
  void aStepThatFailsCachesNothing(TinyFamily family) {
    family.write(folder, 6);
    Setup setup = Setup.all().findFirst().orElseThrow();
    int[] text = new SplittableRandom(6).ints(80, 0, family.spec().vocabulary()).toArray();
    Query good = new Query(text, 0, new int[] {79}, 80, Draw.GREEDY, Optional.empty());
    Query bad = new Query(text, 0, new int[] {79}, 81, Draw.GREEDY, Optional.empty());
    try (Transformer transformer = family.load(folder, setup.backend(1), AMPLE)) {
      assertThatThrownBy(() -> transformer.predict(List.of(good, bad)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(transformer.predict(List.of(good)))
          .isEqualTo(transformer.recompute(List.of(good)));
    }
  }

  @ParameterizedTest
  @EnumSource(TinyFamily.class)
  void theMemoryIsBoundedAndReported(TinyFamily family) {
    family.write(folder, 7);
    Setup setup = Setup.all().findFirst().orElseThrow();
    try (Transformer transformer = family.load(folder, setup.backend(1), 1_000_000)) {
      assertThat(transformer.describeBackend())
          .containsPattern("KV cache of up to [0-9,]+ tokens \\(1 MB\\)");
    }
    try (Transformer transformer = family.load(folder, setup.backend(1), 0)) {
      assertThat(transformer.describeBackend()).doesNotContain("KV cache");
    }
  }

  @ParameterizedTest
  @EnumSource(TinyLlada.class)
  void nothingIsCachedWhereEveryTokenSeesTheWholeSequence(TinyLlada model) {
    model.write(folder, 8);
    Setup setup = Setup.all().findFirst().orElseThrow();
    int[] text = IntStream.range(0, 40).map(i -> i * 7 % 100).toArray();
    Query query = new Query(text, 0, new int[] {3, 39}, 40, Draw.GREEDY, Optional.empty());
    try (Transformer transformer = TinyLlada.load(folder, setup.backend(1))) {
      assertThat(transformer.describeBackend()).doesNotContain("KV cache");
      assertThat(transformer.predict(List.of(query)))
          .isEqualTo(transformer.recompute(List.of(query)));
    }
  }
}
