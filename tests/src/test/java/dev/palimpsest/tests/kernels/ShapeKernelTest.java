package dev.palimpsest.tests.kernels;

import static dev.palimpsest.step.SamplingFilter.Order.NUCLEUS_FIRST;
import static dev.palimpsest.step.SamplingFilter.Order.TOP_K_FIRST;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.step.IdSet;
import dev.palimpsest.step.SamplingFilter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which ids a filter keeps, against a sort in double precision. */
class ShapeKernelTest {
  private static final int[] NONE = {};
  private static final int ALL = Integer.MAX_VALUE;

  private final KernelLibrary library = KernelLibrary.assumed();

  /** A row's logits after the kernel, and by how much the logarithm of their softmax moved. */
  private record Row(float[] logits, double shift) {
    List<Integer> kept() {
      return IntStream.range(0, logits.length)
          .filter(id -> logits[id] > Float.NEGATIVE_INFINITY)
          .boxed()
          .toList();
    }
  }

  /** What is asked of a row; no filter if the top k is 0. */
  private record Asked(
      double temperature,
      SamplingFilter filter,
      int[] undrawn,
      int[] uncounted,
      Optional<IdSet> allowed) {
    Asked(double temperature, int topK, double topP) {
      this(temperature, new SamplingFilter(topK, topP), NONE, NONE, Optional.empty());
    }
  }

  private List<Row> filter(float[][] rows, List<Asked> asked, int stride) {
    int ids = rows[0].length;
    try (Memory memory = new Memory(library)) {
      Matrix logits = memory.matrix(ElementType.F32, rows.length, ids, stride);
      Memory.Buffer filters = memory.bytes(48L * rows.length);
      Memory.Buffer shifts = memory.bytes(8L * rows.length);
      List<Integer> lists = new ArrayList<>();
      for (int row = 0; row < rows.length; row++) {
        for (int id = 0; id < ids; id++) {
          logits.set(row, id, rows[row][id]);
        }
        write(filters.data.asSlice(48L * row, 48), asked.get(row), ids, lists);
      }
      memory.launch(
          "vocabulary_shape",
          rows.length,
          1,
          256,
          0,
          Set.of(logits.buffer(), shifts),
          logits,
          stride,
          ids,
          filters,
          memory.ints(lists.stream().mapToInt(i -> i).toArray()),
          shifts);
      List<Row> found = new ArrayList<>();
      for (int row = 0; row < rows.length; row++) {
        float[] filtered = new float[ids];
        for (int id = 0; id < ids; id++) {
          filtered[id] = logits.get(row, id);
        }
        found.add(new Row(filtered, shifts.data.getAtIndex(JAVA_DOUBLE, row)));
      }
      return found;
    }
  }

  private Row filter(float[] logits, Asked asked) {
    return filter(new float[][] {logits}, List.of(asked), (logits.length + 3) / 4 * 4).getFirst();
  }

  private static void write(MemorySegment to, Asked asked, int ids, List<Integer> lists) {
    to.set(JAVA_DOUBLE, 0, asked.temperature());
    to.set(JAVA_DOUBLE, 8, asked.filter().topP());
    to.set(JAVA_INT, 16, asked.filter().topK());
    to.set(JAVA_INT, 20, lists.size());
    to.set(JAVA_INT, 24, asked.undrawn().length);
    Arrays.stream(asked.undrawn()).forEach(lists::add);
    to.set(JAVA_INT, 28, lists.size());
    to.set(JAVA_INT, 32, asked.uncounted().length);
    to.set(JAVA_INT, 36, asked.filter().order() == TOP_K_FIRST ? 1 : 0);
    Arrays.stream(asked.uncounted()).forEach(lists::add);
    to.set(JAVA_INT, 40, asked.allowed().isPresent() ? lists.size() : -1);
    asked
        .allowed()
        .ifPresent(
            set -> IntStream.range(0, Math.ceilDiv(ids, 32)).map(set::word).forEach(lists::add));
  }

  /** The ids that remain, by the definition in {@link SamplingFilter}. */
  private static List<Integer> expected(float[] logits, Asked asked) {
    Set<Integer> hidden =
        Set.copyOf(
            IntStream.concat(Arrays.stream(asked.undrawn()), Arrays.stream(asked.uncounted()))
                .boxed()
                .toList());
    List<Integer> ranked =
        IntStream.range(0, logits.length)
            .filter(id -> logits[id] > Float.NEGATIVE_INFINITY && !hidden.contains(id))
            .filter(id -> asked.allowed().isEmpty() || asked.allowed().get().contains(id))
            .boxed()
            .sorted(
                Comparator.<Integer>comparingDouble(id -> -logits[id])
                    .thenComparing(Comparator.naturalOrder()))
            .toList();
    double top = logits[ranked.getFirst()];
    double[] weights =
        ranked.stream()
            .mapToDouble(id -> Math.exp((logits[id] - top) / asked.temperature()))
            .toArray();
    double bound =
        asked.filter().topP()
            * Arrays.stream(weights)
                .limit(
                    asked.filter().order() == TOP_K_FIRST ? asked.filter().topK() : weights.length)
                .sum();
    double before = 0;
    int kept = 0;
    while (kept < Math.min(ranked.size(), asked.filter().topK())
        && (asked.filter().topP() >= 1 || before <= bound)) {
      before += weights[kept++];
    }
    return ranked.subList(0, kept).stream().sorted().toList();
  }

  private static void assertFiltered(Row found, float[] logits, Asked asked) {
    List<Integer> expected = expected(logits, asked);
    assertThat(found.kept()).isEqualTo(expected);
    float top = Float.NEGATIVE_INFINITY;
    for (int id : expected) {
      top = Math.max(top, logits[id]);
    }
    float inverse = (float) (1 / asked.temperature());
    for (int id : expected) {
      assertThat(found.logits()[id]).isEqualTo((logits[id] - top) * inverse);
    }
    assertThat(found.shift()).isEqualTo(top / asked.temperature());
  }

  /** Smooth logits, or coarse ones that have many ties; some are minus infinity. */
  private static float[] randomLogits(SplittableRandom random, int ids) {
    boolean coarse = random.nextBoolean();
    float[] logits = new float[ids];
    for (int id = 0; id < ids; id++) {
      logits[id] = coarse ? random.nextInt(-20, 20) / 4f : (float) (4 * random.nextGaussian());
      if (random.nextInt(20) == 0) {
        logits[id] = Float.NEGATIVE_INFINITY;
      }
    }
    logits[ids - 1] = 1; // in no list
    return logits;
  }

  private static int[] randomIds(SplittableRandom random, int ids) {
    return ids == 1 || random.nextBoolean()
        ? NONE
        : random.ints(random.nextInt(1, 9), 0, ids - 1).toArray();
  }

  private static Asked randomFilter(SplittableRandom random, int ids) {
    double[] temperatures = {0.1, 0.7, 1, 5};
    double[] nuclei = {1, 1e-9, 0.3, 0.9, 0.99, 0.9999};
    int[] counts = {ALL, 1, 2, 50, ids, ids + 1, random.nextInt(1, ids + 1)};
    return new Asked(
        temperatures[random.nextInt(temperatures.length)],
        new SamplingFilter(
            counts[random.nextInt(counts.length)],
            nuclei[random.nextInt(nuclei.length)],
            random.nextBoolean() ? TOP_K_FIRST : NUCLEUS_FIRST),
        randomIds(random, ids),
        randomIds(random, ids),
        random.nextInt(3) == 0
            ? Optional.of(
                IdSet.of(
                    IntStream.range(0, ids)
                        .filter(id -> id == ids - 1 || random.nextInt(5) == 0)
                        .toArray()))
            : Optional.empty());
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3, 4, 5})
  void theIdsThatRemainAreThoseOfTheDefinition(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int ids : new int[] {1, 2, 3, 7, 320, 1023, 1024, 1031, 5000}) {
      int rows = random.nextInt(1, 4);
      float[][] logits = new float[rows][];
      List<Asked> asked = new ArrayList<>();
      for (int row = 0; row < rows; row++) {
        logits[row] = randomLogits(random, ids);
        asked.add(randomFilter(random, ids));
      }
      List<Row> found = filter(logits, asked, (ids + 3) / 4 * 4 + 4 * random.nextInt(2));
      for (int row = 0; row < rows; row++) {
        assertFiltered(found.get(row), logits[row], asked.get(row));
        float[] alone = logits[row].clone();
        assertThat(filter(new float[][] {alone}, List.of(asked.get(row)), ids + 1).getFirst())
            .usingRecursiveComparison()
            .isEqualTo(found.get(row));
      }
    }
  }

  @Test
  void aLongRowIsSearchedToItsEnd() {
    SplittableRandom random = new SplittableRandom(7);
    float[] logits = randomLogits(random, 126_464);
    for (Asked asked : List.of(new Asked(1, 40, 0.95), new Asked(5, ALL, 0.999))) {
      assertFiltered(filter(logits, asked), logits, asked);
    }
  }

  @Test
  void ofEqualLogitsTheLowestIdsRemain() {
    for (int ids : new int[] {1, 5, 320, 1024, 3001}) {
      for (float logit : new float[] {0, -100, 10_000, Float.MIN_VALUE}) {
        float[] logits = new float[ids];
        Arrays.fill(logits, logit);
        for (Asked asked :
            List.of(
                new Asked(1, ALL, 1e-9),
                new Asked(1, ALL, 0.5),
                new Asked(0.3, (ids + 1) / 2, 1),
                new Asked(1, ids, 0.9),
                new Asked(1, 1, 0.9))) {
          assertFiltered(filter(logits, asked), logits, asked);
        }
      }
    }
  }

  @Test
  void theTwoZerosAreOneLogit() {
    float[] logits = {-0f, 0f, -0f, 0f, -1};
    assertThat(filter(logits, new Asked(1, 2, 1)).kept()).containsExactly(0, 1);
  }

  @Test
  void oneFiniteLogitIsAllThatRemains() {
    float[] logits = new float[5000];
    Arrays.fill(logits, Float.NEGATIVE_INFINITY);
    logits[4321] = -7;
    for (Asked asked : List.of(new Asked(1, 3, 0.9), new Asked(0.5, ALL, 1))) {
      assertFiltered(filter(logits, asked), logits, asked);
    }
  }

  @Test
  void logitsFarBelowTheHighestRemainIfNothingElseDoes() {
    float[] logits = {1e30f, -1e30f, 0, -3e38f};
    assertFiltered(filter(logits, new Asked(1, 3, 1)), logits, new Asked(1, 3, 1));
    assertThat(filter(logits, new Asked(1, ALL, 0.999999)).kept()).containsExactly(0);
  }

  @Test
  void aRowWithoutFilterStaysAsItIs() {
    float[] logits = {3, Float.NEGATIVE_INFINITY, 1, Float.POSITIVE_INFINITY, Float.NaN};
    Row found =
        filter(
                new float[][] {logits, {1, 2, 3, 4, 5}},
                List.of(new Asked(1, 0, 1), new Asked(1, 2, 1)),
                8)
            .getFirst();
    assertThat(found.logits()).containsExactly(logits);
    assertThat(found.shift()).isZero();
  }

  @Test
  void damagedLogitsAreNotHidden() {
    for (float damage : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      float[] logits = randomLogits(new SplittableRandom(1), 3000);
      logits[1234] = damage;
      for (Asked asked : List.of(new Asked(1, 5, 1), new Asked(1, 5, 0.5))) {
        float[] found = filter(logits, asked).logits();
        assertThat(IntStream.range(0, 3000).anyMatch(id -> Float.isNaN(found[id]))).isTrue();
      }
    }
  }
}
