package dev.palimpsest.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention over ragged batches, with and without earlier keys in the cache. */
class AttentionKernelTest {
  private static final String NAME = "{0}, seed {1}";
  private static final int TILE_ROWS = 64;
  private static final int SEGMENT = 256;
  private static final int[] HEAD_SIZES = {
    16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512
  };
  private static final int ALL = Integer.MAX_VALUE;

  private final KernelLibrary library = KernelLibrary.assumed();

  /** Which keys the queries of a sequence see. */
  private enum Pattern {
    FULL,
    CAUSAL,
    BLOCK_CAUSAL,
    ANY;

    int limit(SplittableRandom random, int position, int keys) {
      return switch (this) {
        case FULL -> keys;
        case CAUSAL -> position + 1;
        case BLOCK_CAUSAL -> Math.min(keys, (position / 8 + 1) * 8);
        case ANY -> random.nextInt(keys + 1);
      };
    }
  }

  /**
   * A sequence, where all keys and values are given, whether they come from the cache or not.
   *
   * @param q [queries, heads · headSize]
   * @param k [keys, kvHeads · headSize]
   * @param v as {@code k}
   * @param limits how many keys each query sees
   */
  private record Sequence(float[][] q, float[][] k, float[][] v, int[] limits) {}

  /**
   * What is to be computed.
   *
   * @param window how many of the keys that a query sees it sees at most, the last ones
   */
  private record Problem(
      ElementType type,
      int headSize,
      int heads,
      int kvHeads,
      int window,
      List<Sequence> sequences) {

    Problem alone(int sequence) {
      return new Problem(type, headSize, heads, kvHeads, window, List.of(sequences.get(sequence)));
    }

    Problem within(int otherWindow) {
      return new Problem(type, headSize, heads, kvHeads, otherWindow, sequences);
    }

    /** Queries that fit into a work item. */
    int tileQueries() {
      return TILE_ROWS / (heads / kvHeads);
    }
  }

  static Stream<Arguments> headSizes() {
    return Stream.of(ElementType.values())
        .flatMap(type -> IntStream.of(HEAD_SIZES).mapToObj(size -> Arguments.of(type, size)));
  }

  static Stream<Arguments> cases() {
    return ElementType.withSeeds(6);
  }

  private static Problem random(
      SplittableRandom random, ElementType type, int headSize, int maxKeys) {
    return random(random, type, headSize, maxKeys, 90);
  }

  private static Problem random(
      SplittableRandom random, ElementType type, int headSize, int maxKeys, int maxQueries) {
    int kvHeads = random.nextInt(1, 3);
    int[] groups = {1, 1, 2, 4, 7};
    int heads = kvHeads * groups[random.nextInt(groups.length)];
    float sharpness = random.nextBoolean() ? 1 : 3;
    List<Sequence> sequences = new ArrayList<>();
    for (int count = random.nextInt(1, 4); count > 0; count--) {
      int keys = random.nextInt(1, maxKeys);
      int queries = random.nextInt(1, Math.min(keys, maxQueries) + 1);
      Pattern pattern = Pattern.values()[random.nextInt(Pattern.values().length)];
      int[] limits = new int[queries];
      Arrays.setAll(limits, i -> pattern.limit(random, keys - queries + i, keys));
      sequences.add(
          new Sequence(
              rows(random, type, queries, heads * headSize, sharpness),
              rows(random, type, keys, kvHeads * headSize, 1),
              rows(random, type, keys, kvHeads * headSize, 1),
              limits));
    }
    return new Problem(type, headSize, heads, kvHeads, ALL, sequences);
  }

  private static float[][] rows(
      SplittableRandom random, ElementType type, int rows, int columns, float scale) {
    float[][] values = new float[rows][columns];
    for (float[] row : values) {
      for (int column = 0; column < columns; column++) {
        row[column] = type.rounded(scale * (float) random.nextGaussian());
      }
    }
    return values;
  }

  /** How a problem is laid out: what a result must not depend on. */
  private record Layout(
      SplittableRandom random, int[] cached, int queriesOfAnItem, boolean isSplit) {
    static Layout plain(SplittableRandom random, Problem problem) {
      return new Layout(random, new int[problem.sequences().size()], problem.tileQueries(), false);
    }

    Layout split() {
      return new Layout(random, cached, queriesOfAnItem, true);
    }
  }

  /** The rows of every sequence's output, after a check that nothing else was written. */
  private List<byte[][]> run(Problem problem, Layout layout) {
    try (Memory memory = new Memory(library)) {
      Matrix out = launch(memory, problem, layout);
      List<byte[][]> results = new ArrayList<>();
      int row = 1;
      for (Sequence sequence : problem.sequences()) {
        byte[][] result = new byte[sequence.q().length][];
        for (int i = 0; i < result.length; i++) {
          result[i] = out.rowBytes(row++);
        }
        results.add(result);
      }
      return results;
    }
  }

  /** Row 0 of q and out and of k and v belongs to nobody, and so does the last one. */
  private static Matrix launch(Memory memory, Problem problem, Layout layout) {
    ElementType type = problem.type();
    SplittableRandom random = layout.random();
    int width = problem.heads() * problem.headSize();
    int kvWidth = problem.kvHeads() * problem.headSize();
    int queries = problem.sequences().stream().mapToInt(each -> each.q().length).sum();
    int keys = problem.sequences().stream().mapToInt(each -> each.k().length).sum();
    int stride = width + type.pack() * random.nextInt(3);
    int kvStride = kvWidth + type.pack() * random.nextInt(3);
    Matrix q = memory.matrix(type, queries + 2, width, stride);
    Matrix k = memory.matrix(type, keys + 2, kvWidth, kvStride);
    Matrix v = memory.matrix(type, keys + 2, kvWidth, kvStride + type.pack());
    Matrix out = memory.matrix(type, queries + 2, width, stride + type.pack());

    int slotCount = 2 + Arrays.stream(layout.cached()).sum();
    int[] slots = permutation(random, slotCount);
    int cacheStride = kvWidth + type.pack() * random.nextInt(3);
    Matrix keyCache = memory.matrix(type, slotCount, kvWidth, cacheStride);
    Matrix valueCache = memory.matrix(type, slotCount, kvWidth, cacheStride);

    List<Integer> work = new ArrayList<>(List.of(0, 1, 0, 0));
    List<Integer> fields = new ArrayList<>();
    List<Integer> limits = new ArrayList<>(List.of(1));
    int queryRow = 1;
    int keyRow = 1;
    int slot = 1;
    int stateRows = 1;
    int segments = 1;
    for (int s = 0; s < problem.sequences().size(); s++) {
      Sequence sequence = problem.sequences().get(s);
      int cached = layout.cached()[s];
      fields.addAll(List.of(keyRow, cached, slot, sequence.k().length - cached));
      for (int key = 0; key < sequence.k().length; key++) {
        if (key < cached) {
          put(keyCache, slots[slot], sequence.k()[key]);
          put(valueCache, slots[slot++], sequence.v()[key]);
        } else {
          put(k, keyRow, sequence.k()[key]);
          put(v, keyRow, sequence.v()[key]);
          keyRow++;
        }
      }
      segments = Math.max(segments, Math.ceilDiv(sequence.k().length, SEGMENT));
      int count = sequence.q().length;
      for (int first = 0; first < count; first += layout.queriesOfAnItem()) {
        int taken = Math.min(layout.queriesOfAnItem(), count - first);
        work.addAll(List.of(s, queryRow + first, taken, stateRows));
        stateRows += taken * Math.ceilDiv(sequence.k().length, SEGMENT);
      }
      for (int i = 0; i < count; i++) {
        put(q, queryRow++, sequence.q()[i]);
        limits.add(sequence.limits()[i]);
      }
    }
    work.addAll(List.of(0, 0, 0, 0));
    limits.add(1);

    boolean isCached = Arrays.stream(layout.cached()).anyMatch(count -> count > 0);
    int headSize = problem.headSize();
    String size = "_h" + headSize;
    Memory.Buffer items = memory.ints(work.stream().mapToInt(i -> i).toArray());
    Memory.Buffer described = memory.ints(fields.stream().mapToInt(i -> i).toArray());
    Memory.Buffer limitsOfRows = memory.ints(limits.stream().mapToInt(i -> i).toArray());
    Memory.Buffer states =
        memory.bytes(
            layout.isSplit() ? 4L * stateRows * problem.heads() * (headSize + 4) : Float.BYTES);
    List<Object> inputs = new ArrayList<>(List.of(q, q.stride(), k, k.stride(), v, v.stride()));
    List<Object> shared =
        List.of(
            problem.heads(),
            problem.kvHeads(),
            items,
            described,
            limitsOfRows,
            isCached ? keyCache : MemorySegment.NULL,
            isCached ? valueCache : MemorySegment.NULL,
            isCached ? memory.ints(slots) : MemorySegment.NULL,
            isCached ? cacheStride : 0,
            problem.window());
    inputs.addAll(layout.isSplit() ? List.of(states) : List.of(out, out.stride()));
    inputs.addAll(shared);
    memory.launch(
        (layout.isSplit() ? "attention_split" : "attention") + type.suffix() + size,
        work.size() / 4,
        layout.isSplit() ? segments * problem.kvHeads() : problem.kvHeads(),
        type == ElementType.BF16 ? 128 : 256,
        sharedBytes(type, headSize),
        Set.of(layout.isSplit() ? states : out.buffer()),
        inputs.toArray());
    if (layout.isSplit()) {
      memory.launch(
          "attention_merge" + type.suffix(),
          work.size() / 4,
          problem.kvHeads(),
          256,
          0,
          Set.of(out.buffer()),
          states,
          out,
          out.stride(),
          problem.heads(),
          problem.kvHeads(),
          headSize,
          items,
          described,
          limitsOfRows,
          problem.window());
    }
    byte[] poison = new byte[width * type.bytes];
    Arrays.fill(poison, Memory.POISON);
    assertThat(out.rowBytes(0)).isEqualTo(poison);
    assertThat(out.rowBytes(queries + 1)).isEqualTo(poison);
    return out;
  }

  private static int sharedBytes(ElementType type, int headSize) {
    int keys = headSize <= 160 ? 64 : headSize <= 224 ? 32 : 16;
    if (headSize == 512) {
      return type == ElementType.BF16 ? 66_816 : 100_608;
    }
    return switch (type) {
      case BF16 ->
          headSize <= 128 ? 512 * (headSize + 8) : 256 * headSize + 4 * keys * (headSize + 8);
      case F32 -> headSize <= 128 ? 512 * headSize + 8704 : 320 * headSize + 4352;
    };
  }

  private static void put(Matrix matrix, int row, float[] values) {
    for (int column = 0; column < values.length; column++) {
      matrix.set(row, column, values[column]);
    }
  }

  private static int[] permutation(SplittableRandom random, int count) {
    int[] result = IntStream.range(0, count).toArray();
    for (int i = count - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int held = result[i];
      result[i] = result[j];
      result[j] = held;
    }
    return result;
  }

  /**
   * Output and tolerance, [2][queries][heads · headSize]. In bf16 weights and output are rounded
   * once each, which is less than 2^-8 of the mean of |v| under the weights, and of the output.
   */
  private static double[][][] reference(Problem problem, Sequence sequence) {
    int size = problem.headSize();
    int group = problem.heads() / problem.kvHeads();
    double precision = problem.type() == ElementType.BF16 ? 0x1p-8 : 0x1p-17;
    double[][][] result = new double[2][sequence.q().length][problem.heads() * size];
    for (int query = 0; query < sequence.q().length; query++) {
      for (int head = 0; head < problem.heads(); head++) {
        int at = head * size;
        int kvAt = head / group * size;
        double[] scores = new double[sequence.limits()[query]];
        for (int key = 0; key < scores.length; key++) {
          for (int i = 0; i < size; i++) {
            scores[key] += (double) sequence.q()[query][at + i] * sequence.k()[key][kvAt + i];
          }
          boolean isSeen = scores.length - key <= problem.window();
          scores[key] = isSeen ? scores[key] / Math.sqrt(size) : Double.NEGATIVE_INFINITY;
        }
        double top = Arrays.stream(scores).max().orElse(0);
        double sum = Arrays.stream(scores).map(score -> Math.exp(score - top)).sum();
        for (int key = 0; key < scores.length; key++) {
          double weight = Math.exp(scores[key] - top) / sum;
          for (int i = 0; i < size; i++) {
            double term = weight * sequence.v()[key][kvAt + i];
            result[0][query][at + i] += term;
            result[1][query][at + i] += 2 * Math.abs(term) * precision;
          }
        }
      }
    }
    return result;
  }

  private static void assertSameBits(List<byte[][]> found, List<byte[][]> expected) {
    for (int s = 0; s < expected.size(); s++) {
      assertThat(found.get(s)).as("sequence %s", s).isDeepEqualTo(expected.get(s));
    }
  }

  /** By one block and by one a segment. */
  private void checkBoth(Problem problem, Layout layout) {
    check(problem, layout);
    check(problem, layout.split());
  }

  private void check(Problem problem, Layout layout) {
    try (Memory memory = new Memory(library)) {
      Matrix out = launch(memory, problem, layout);
      double[][] expected = new double[out.rows()][out.columns()];
      double[][] tolerance = new double[out.rows()][out.columns()];
      Arrays.fill(expected[0], Double.NaN);
      Arrays.fill(expected[out.rows() - 1], Double.NaN);
      int row = 1;
      for (Sequence sequence : problem.sequences()) {
        double[][][] reference = reference(problem, sequence);
        for (int i = 0; i < sequence.q().length; i++) {
          expected[row] = reference[0][i];
          tolerance[row++] = reference[1][i];
        }
      }
      out.assertClose(expected, tolerance);
    }
  }

  @ParameterizedTest(name = "{0}, heads of {1}")
  @MethodSource("headSizes")
  void attentionIsTheSoftmaxOfTheScoresTimesTheValues(ElementType type, int headSize) {
    SplittableRandom random = new SplittableRandom(headSize);
    for (int i = 0; i < 2; i++) {
      Problem problem = random(random, type, headSize, 150);
      checkBoth(problem, Layout.plain(random, problem));
    }
    Problem problem = random(random, type, headSize, 600, 8);
    checkBoth(problem, Layout.plain(random, problem));
  }

  @ParameterizedTest(name = NAME)
  @MethodSource("cases")
  void aWindowLeavesTheLastOfTheKeysThatAQuerySees(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Problem problem = random(random, type, random.nextBoolean() ? 64 : 32, 700, 20);
    for (int window : new int[] {1, random.nextInt(1, 100), random.nextInt(1, 700)}) {
      Problem within = problem.within(window);
      checkBoth(within, Layout.plain(random, within));
    }
  }

  /** Whichever block takes them: all segments one block, or each its own. */
  @ParameterizedTest(name = "{0}, heads of {1}")
  @MethodSource("headSizes")
  void segmentsOnTheirOwnGiveTheSameBitsAsOneAfterAnother(ElementType type, int headSize) {
    SplittableRandom random = new SplittableRandom(headSize);
    Problem all = random(random, type, headSize, 600, 6);
    for (Problem problem : List.of(all, all.within(random.nextInt(1, 600)))) {
      int[] cached =
          problem.sequences().stream()
              .mapToInt(each -> random.nextInt(each.k().length + 1))
              .toArray();
      Layout layout = new Layout(random, cached, random.nextInt(1, 10), true);
      assertSameBits(run(problem, layout), run(problem, Layout.plain(random, problem)));
    }
  }

  /** A row's segments are counted from its first key, whatever else the batch holds. */
  @ParameterizedTest(name = NAME)
  @MethodSource("cases")
  void bitsOfALongRowDependNeitherOnTheBatchNorOnHowItIsSplit(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Problem problem = random(random, type, 32, 1200, 12);
    List<byte[][]> expected = run(problem, Layout.plain(random, problem));
    for (int s = 0; s < problem.sequences().size(); s++) {
      Problem alone = problem.alone(s);
      Layout layout = new Layout(random, new int[1], 1, random.nextBoolean());
      assertThat(run(alone, layout).getFirst()).isDeepEqualTo(expected.get(s));
    }
  }

  /** Keys before the window, whatever they are, leave the bits alone. */
  @ParameterizedTest(name = NAME)
  @MethodSource("cases")
  void keysBeforeTheWindowLeaveNoTrace(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int keys = random.nextInt(70, 600);
    int window = random.nextInt(1, keys);
    float[][] q = rows(random, type, 5, 64, 1);
    float[][] k = rows(random, type, keys, 64, 1);
    float[][] v = rows(random, type, keys, 64, 1);
    int[] limits = {keys, keys, keys, keys, keys};
    Problem problem =
        new Problem(type, 32, 2, 2, window, List.of(new Sequence(q, k.clone(), v.clone(), limits)));
    List<byte[][]> expected = run(problem, Layout.plain(random, problem));
    for (int key = 0; key < keys - window; key++) {
      k[key] = rows(random, type, 1, 64, 30)[0];
      v[key] = rows(random, type, 1, 64, 1)[0];
    }
    Problem changed = new Problem(type, 32, 2, 2, window, List.of(new Sequence(q, k, v, limits)));
    assertSameBits(run(changed, Layout.plain(random, changed)), expected);
    assertSameBits(run(changed, Layout.plain(random, changed).split()), expected);
  }

  @ParameterizedTest(name = NAME)
  @MethodSource("cases")
  void keysFromTheCacheGiveTheSameBitsAsKeysOfTheStep(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Problem problem = random(random, type, random.nextBoolean() ? 64 : 32, 200);
    List<byte[][]> expected = run(problem, Layout.plain(random, problem));
    for (int i = 0; i < 2; i++) {
      int[] cached =
          problem.sequences().stream()
              .mapToInt(each -> random.nextInt(each.k().length + 1))
              .toArray();
      List<byte[][]> found = run(problem, new Layout(random, cached, problem.tileQueries(), false));
      assertSameBits(found, expected);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource("cases")
  void bitsOfARowDependNeitherOnTheBatchNorOnWhoSharesItsTile(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Problem problem = random(random, type, random.nextBoolean() ? 64 : 48, 200);
    List<byte[][]> expected = run(problem, Layout.plain(random, problem));
    int[] none = new int[problem.sequences().size()];
    int some = random.nextInt(1, problem.tileQueries() + 1);
    assertSameBits(run(problem, new Layout(random, none, some, false)), expected);
    for (int s = 0; s < none.length; s++) {
      Problem alone = problem.alone(s);
      assertThat(run(alone, Layout.plain(random, alone)).getFirst()).isDeepEqualTo(expected.get(s));
      assertThat(run(alone, new Layout(random, new int[1], 1, false)).getFirst())
          .isDeepEqualTo(expected.get(s));
    }
  }

  /** Keys behind a query's limit, whatever they are, leave its bits alone. */
  @ParameterizedTest(name = NAME)
  @MethodSource("cases")
  void hiddenKeysGiveTheSameBitsAsNoKeys(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int keys = random.nextInt(70, 200);
    int limit = random.nextInt(1, 64);
    float[][] q = rows(random, type, 5, 64, 1);
    float[][] k = rows(random, type, keys, 64, 30);
    float[][] v = rows(random, type, keys, 64, 1);
    int[] limits = {limit, limit, limit, limit, limit};
    int[] open = {limit, limit, limit, limit, keys};
    byte[][] expected =
        run(new Sequence(q, Arrays.copyOf(k, limit), Arrays.copyOf(v, limit), limits), type);
    byte[][] hidden = run(new Sequence(q, k, v, limits), type);
    byte[][] shared = run(new Sequence(q, k, v, open), type);
    assertThat(hidden).isDeepEqualTo(expected);
    assertThat(Arrays.copyOf(shared, 4)).isDeepEqualTo(Arrays.copyOf(expected, 4));
  }

  private byte[][] run(Sequence sequence, ElementType type) {
    Problem problem = new Problem(type, 32, 2, 2, ALL, List.of(sequence));
    return run(problem, Layout.plain(new SplittableRandom(1), problem)).getFirst();
  }

  @ParameterizedTest
  @EnumSource
  void oneQueryOfOneKeyGetsItsValue(ElementType type) {
    SplittableRandom random = new SplittableRandom(5);
    float[][] v = rows(random, type, 1, 64, 1);
    Sequence sequence =
        new Sequence(
            rows(random, type, 1, 64, 100), rows(random, type, 1, 64, 100), v, new int[] {1});
    Problem problem = new Problem(type, 64, 1, 1, ALL, List.of(sequence));
    try (Memory memory = new Memory(library)) {
      Matrix out = launch(memory, problem, Layout.plain(random, problem));
      for (int column = 0; column < 64; column++) {
        assertThat(out.get(1, column)).isEqualTo(v[0][column]);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void equalScoresGiveTheMeanOfTheValues(ElementType type) {
    SplittableRandom random = new SplittableRandom(6);
    Sequence sequence =
        new Sequence(
            new float[3][64],
            new float[100][64],
            rows(random, type, 100, 64, 1),
            new int[] {100, 64, 65});
    Problem problem = new Problem(type, 32, 2, 2, ALL, List.of(sequence));
    check(problem, Layout.plain(random, problem));
  }
}
