package dev.palimpsest.engine.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.backend.host.TinyFamily;
import dev.palimpsest.engine.backend.host.TinyLlada;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Attention;
import dev.palimpsest.engine.model.ModelSpec;
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
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A probe sees what a step computes, and changes none of it. */
final class ProbeTest {
  private static final int[] NONE = {};

  @TempDir private Path folder;

  private static List<Hook> every(ModelSpec spec) {
    List<Hook> hooks = new ArrayList<>();
    for (Point point : Point.values()) {
      for (int block = 0; block < (point.isOfBlock() ? spec.layers() : 1); block++) {
        hooks.add(new Hook(point, block));
      }
    }
    return hooks;
  }

  private static Query query(SplittableRandom random, ModelSpec spec, int step) {
    int length = random.nextInt(1, 45);
    int[] tokens = random.ints(length, 0, spec.vocabulary()).toArray();
    int[] rows = IntStream.range(0, length).filter(i -> random.nextInt(3) == 0).toArray();
    Draw draw = new Draw(0.7, Optional.empty(), random.nextLong(), step, NONE, NONE);
    Optional<Query.Guidance> guidance =
        random.nextInt(3) == 0
            ? Optional.of(
                new Query.Guidance(random.ints(length, 0, spec.vocabulary()).toArray(), 0.5))
            : Optional.empty();
    return new Query(tokens, 0, rows, random.nextInt(length + 1), draw, guidance);
  }

  private static int[] some(SplittableRandom random, int length) {
    return IntStream.range(0, length).filter(_ -> random.nextInt(3) == 0).toArray();
  }

  private Transformer load(TinyFamily family, long seed) {
    family.write(folder, seed);
    return TinyLlada.load(folder, new HostBackend(Precision.F32, 2));
  }

  static Stream<Arguments> familiesAndSeeds() {
    return Stream.of(TinyFamily.values())
        .flatMap(family -> LongStream.range(0, 3).mapToObj(seed -> Arguments.of(family, seed)));
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("familiesAndSeeds")
  void aProbedStepHasTheBitsOfAnUnprobedOne(TinyFamily family, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (Transformer model = load(family, seed)) {
      for (int step = 0; step < 6; step++) {
        List<Query> queries = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
          queries.add(query(random, family.spec(), step));
        }
        List<List<Prediction>> plain = model.predict(queries);
        List<Reading> readings = new ArrayList<>();
        int[] wanted = {0};
        Probe probe =
            new Probe(
                every(family.spec()),
                query -> {
                  int[] positions = some(random, query.tokens().length);
                  wanted[0] += positions.length == 0 ? 0 : 1;
                  return positions;
                },
                readings::add);
        assertThat(model.probed(probe).predict(queries)).isEqualTo(plain);
        assertThat(readings).hasSize(wanted[0] * every(family.spec()).size());
        assertThat(model.predict(queries)).isEqualTo(plain);
      }
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("familiesAndSeeds")
  void whatIsReadFitsTogether(TinyFamily family, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    ModelSpec spec = family.spec();
    Query query = query(random, spec, 4);
    int[] positions = IntStream.range(0, query.tokens().length).toArray();
    List<Reading> readings = new ArrayList<>();
    try (Transformer model = load(family, seed)) {
      model.probed(new Probe(every(spec), _ -> positions, readings::add)).predict(List.of(query));
    }
    assertThat(readings)
        .allSatisfy(
            reading -> {
              assertThat(reading.step()).isEqualTo(4);
              assertThat(reading.positions()).isEqualTo(positions);
              assertThat(reading.values()).hasSize(reading.rows() * reading.columns());
            });
    assertThat(values(readings, new Hook(Point.EMBED, 0)))
        .isEqualTo(values(readings, new Hook(Point.RESID_PRE, 0)));
    for (int block = 0; block < spec.layers(); block++) {
      assertSum(
          values(readings, new Hook(Point.RESID_MID, block)),
          values(readings, new Hook(Point.RESID_PRE, block)),
          values(readings, new Hook(Point.ATTN_OUT, block)));
      float[] post = values(readings, new Hook(Point.RESID_POST, block));
      float[] mid = values(readings, new Hook(Point.RESID_MID, block));
      float[] added = values(readings, new Hook(Point.MLP_OUT, block));
      if (spec.stream().layerScalars()) {
        int canvas = spec.canvas().orElseThrow().start(positions.length) * spec.hidden();
        assertScaledSum(post, mid, added, 0, canvas);
        assertScaledSum(post, mid, added, canvas, post.length);
      } else {
        assertSum(post, mid, added);
      }
      if (block > 0) {
        assertThat(values(readings, new Hook(Point.RESID_PRE, block)))
            .isEqualTo(values(readings, new Hook(Point.RESID_POST, block - 1)));
      }
      assertHeadsAreWeightedSums(
          spec.attention(block),
          positions.length,
          values(readings, new Hook(Point.PATTERN, block)),
          values(readings, new Hook(Point.V, block)),
          values(readings, new Hook(Point.Z, block)));
    }
  }

  private static float[] values(List<Reading> readings, Hook hook) {
    return readings.stream()
        .filter(reading -> reading.hook().equals(hook))
        .findFirst()
        .orElseThrow()
        .values();
  }

  private static void assertSum(float[] sum, float[] one, float[] other) {
    assertThat(sum).hasSameSizeAs(one).hasSameSizeAs(other);
    for (int i = 0; i < sum.length; i++) {
      assertThat(sum[i]).isCloseTo(one[i] + other[i], within(2e-5f));
    }
  }

  /** Rows of one kind are scaled by one number, that of the largest of them. */
  private static void assertScaledSum(float[] sum, float[] one, float[] other, int from, int to) {
    int largest = from;
    for (int i = from; i < to; i++) {
      largest = Math.abs(sum[i]) > Math.abs(sum[largest]) ? i : largest;
    }
    float factor = from == to ? 1 : sum[largest] / (one[largest] + other[largest]);
    for (int i = from; i < to; i++) {
      assertThat(sum[i]).isCloseTo((one[i] + other[i]) * factor, within(2e-5f));
    }
  }

  private static void assertHeadsAreWeightedSums(
      Attention attention, int length, float[] pattern, float[] v, float[] z) {
    int heads = attention.heads();
    int size = attention.headSize();
    int group = heads / attention.keyValueHeads();
    for (int row = 0; row < length * heads; row++) {
      for (int d = 0; d < size; d++) {
        double sum = 0;
        for (int key = 0; key < length; key++) {
          sum +=
              (double) pattern[row * length + key]
                  * v[key * attention.keyWidth() + row % heads / group * size + d];
        }
        assertThat((double) z[row * size + d]).isCloseTo(sum, within(1e-5));
      }
    }
  }

  @Test
  void aPositionIsReadWithTheSameBitsWhateverElseIsRead() {
    try (Transformer model = load(TinyFamily.BLOCKS, 5)) {
      ModelSpec spec = TinyFamily.BLOCKS.spec();
      Query query = query(new SplittableRandom(5), spec, 0);
      int last = query.tokens().length - 1;
      Hook hook = new Hook(Point.RESID_POST, spec.layers() - 1);
      List<Reading> readings = new ArrayList<>();
      for (int[] positions : new int[][] {{last}, IntStream.rangeClosed(0, last).toArray()}) {
        model
            .probed(new Probe(List.of(hook), _ -> positions, readings::add))
            .predict(List.of(query));
      }
      float[] all = readings.getLast().values();
      assertThat(readings.getFirst().values())
          .isEqualTo(Arrays.copyOfRange(all, last * spec.hidden(), (last + 1) * spec.hidden()));
    }
  }

  @Test
  void aPositionOutsideTheSequenceIsRefused() {
    try (Transformer model = load(TinyFamily.CAUSAL, 1)) {
      Query query = new Query(new int[] {1, 2}, 0, new int[] {1}, 0, Draw.GREEDY, Optional.empty());
      Probe probe = new Probe(every(TinyFamily.CAUSAL.spec()), _ -> new int[] {0, 2}, _ -> {});
      assertThatThrownBy(() -> model.probed(probe).predict(List.of(query)))
          .hasMessage(
              "position 2 is looked at after position 0 in a sequence of 2 tokens; they are"
                  + " ascending indices into it");
    }
  }

  @Test
  void hooksHaveTheNamesOfTransformerLens() {
    assertThat(Hook.named("blocks.3.hook_resid_post", 4))
        .containsExactly(new Hook(Point.RESID_POST, 3));
    assertThat(Hook.named("blocks.*.attn.hook_pattern", 3))
        .extracting(Hook::name)
        .containsExactly(
            "blocks.0.attn.hook_pattern",
            "blocks.1.attn.hook_pattern",
            "blocks.2.attn.hook_pattern");
    assertThat(Hook.named("hook_embed", 1)).containsExactly(new Hook(Point.EMBED, 0));
    assertThat(every(TinyFamily.BLOCKS.spec()))
        .allSatisfy(hook -> assertThat(Hook.named(hook.name(), 2)).containsExactly(hook));
  }

  @Test
  void aHookThatTheModelHasNotIsNamed() {
    assertThatThrownBy(() -> Hook.named("blocks.4.hook_resid_post", 4))
        .hasMessage(
            "the hook blocks.4.hook_resid_post is of block 4: the model's are 0 to 3, or * for all");
    assertThatThrownBy(() -> Hook.named("blocks.1.hook_nothing", 4))
        .hasMessageStartingWith("there is no hook blocks.1.hook_nothing: the hooks are hook_embed,")
        .hasMessageEndingWith("ln_final.hook_normalized");
  }
}
