package dev.palimpsest.tests.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.IdSet;
import dev.palimpsest.step.Philox;
import dev.palimpsest.step.Prediction;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reduction of logits, against a plain one and against the host backend's. */
class VocabularyKernelTest {
  private static final int GRAIN = 4096;
  private static final int[] NONE = {};
  private static final double TOLERANCE = 2e-6;

  private final KernelLibrary library = KernelLibrary.assumed();

  /** What the device says of a row. */
  private record Result(Prediction prediction, double maximum, double sum) {}

  /** Reduces rows of logits chunk by chunk. */
  private List<Result> reduce(float[][] logits, List<RowDraw> draws, int chunk) {
    int rows = logits.length;
    int ids = logits[0].length;
    try (Memory memory = new Memory(library)) {
      int grains = Math.ceilDiv(ids, GRAIN);
      Memory.Buffer states = memory.bytes(48L * rows * grains);
      Memory.Buffer predictions = memory.bytes(64L * rows);
      List<Integer> lists = new ArrayList<>();
      Memory.Buffer how = memory.bytes(48L * rows);
      for (int row = 0; row < rows; row++) {
        writeDraw(how.data.asSlice(48L * row, 48), draws.get(row), ids, lists);
      }
      Memory.Buffer idLists = memory.ints(lists.stream().mapToInt(i -> i).toArray());
      int stride = (Math.min(chunk, ids) + 3) / 4 * 4 + 4;
      for (int first = 0; first < ids; first += chunk) {
        int count = Math.min(chunk, ids - first);
        Matrix part = memory.matrix(ElementType.F32, rows, count, stride);
        for (int row = 0; row < rows; row++) {
          for (int i = 0; i < count; i++) {
            part.set(row, i, logits[row][first + i]);
          }
        }
        memory.launch(
            "vocabulary_fold",
            rows,
            Math.ceilDiv(count, GRAIN),
            256,
            0,
            Set.of(states),
            part,
            stride,
            first,
            count,
            how,
            idLists,
            grains,
            states);
      }
      memory.launch(
          "vocabulary_finish",
          Math.ceilDiv(rows, 8),
          1,
          256,
          0,
          Set.of(predictions),
          states,
          grains,
          how,
          idLists,
          predictions,
          rows);
      return IntStream.range(0, rows)
          .mapToObj(row -> readResult(predictions.data.asSlice(64L * row, 64)))
          .toList();
    }
  }

  private static void writeDraw(MemorySegment to, RowDraw how, int ids, List<Integer> lists) {
    Draw draw = how.draw();
    to.set(JAVA_DOUBLE, 0, draw.temperature());
    to.set(JAVA_LONG, 8, draw.seed());
    to.set(JAVA_INT, 16, draw.step());
    to.set(JAVA_INT, 20, how.position());
    to.set(JAVA_INT, 24, lists.size());
    to.set(JAVA_INT, 28, draw.undrawn().length);
    Arrays.stream(draw.undrawn()).forEach(lists::add);
    to.set(JAVA_INT, 32, lists.size());
    to.set(JAVA_INT, 36, draw.uncounted().length);
    Arrays.stream(draw.uncounted()).forEach(lists::add);
    to.set(JAVA_INT, 40, how.allowed().isPresent() ? lists.size() : -1);
    how.allowed()
        .ifPresent(
            set -> IntStream.range(0, Math.ceilDiv(ids, 32)).map(set::word).forEach(lists::add));
  }

  private static Result readResult(MemorySegment from) {
    return new Result(
        new Prediction(
            from.get(JAVA_INT, 56),
            from.get(JAVA_DOUBLE, 0),
            from.get(JAVA_INT, 60),
            from.get(JAVA_DOUBLE, 8),
            from.get(JAVA_DOUBLE, 16),
            from.get(JAVA_DOUBLE, 24),
            from.get(JAVA_DOUBLE, 32)),
        from.get(JAVA_DOUBLE, 40),
        from.get(JAVA_DOUBLE, 48));
  }

  private Result reduce(float[] logits, Draw draw) {
    return reduce(new float[][] {logits}, List.of(new RowDraw(draw, 3)), GRAIN).getFirst();
  }

  private static boolean isIn(int[] ids, int id) {
    return Arrays.stream(ids).anyMatch(each -> each == id);
  }

  private static Prediction reference(float[] all, RowDraw how) {
    Draw draw = how.draw();
    float[] logits = all.clone();
    for (int id = 0; id < logits.length; id++) {
      if (how.allowed().isPresent() && !how.allowed().get().contains(id)) {
        logits[id] = Float.NEGATIVE_INFINITY;
      }
    }
    int argmax = -1;
    int token = -1;
    double best = Double.NEGATIVE_INFINITY;
    double top = Double.NEGATIVE_INFINITY;
    double second = Double.NEGATIVE_INFINITY;
    int[] words = new int[4];
    boolean[] undrawn = new boolean[logits.length];
    boolean[] uncounted = new boolean[logits.length];
    Arrays.stream(draw.undrawn())
        .filter(id -> id < logits.length)
        .forEach(id -> undrawn[id] = true);
    Arrays.stream(draw.uncounted())
        .filter(id -> id < logits.length)
        .forEach(id -> uncounted[id] = true);
    for (int id = 0; id < logits.length; id++) {
      if (!undrawn[id] && logits[id] > Float.NEGATIVE_INFINITY) {
        if (argmax < 0 || logits[id] > logits[argmax]) {
          argmax = id;
        }
        Philox.block(
            draw.seed(), draw.step(), how.position(), Philox.Purpose.GUMBEL, id / 4, words);
        double gumbel = -StrictMath.log(-StrictMath.log(Philox.uniform(words[id % 4])));
        double score = logits[id] + draw.temperature() * gumbel;
        if (score > best) {
          best = score;
          token = id;
        }
      }
      if (!uncounted[id]) {
        second = Math.max(second, Math.min(top, logits[id]));
        top = Math.max(top, logits[id]);
      }
    }
    double sum = 0;
    double weighted = 0;
    for (int id = 0; id < logits.length; id++) {
      double x = logits[id] - top;
      if (!uncounted[id] && x > Double.NEGATIVE_INFINITY) {
        sum += Math.exp(x);
        weighted += x * Math.exp(x);
      }
    }
    return new Prediction(
        token,
        isIn(draw.uncounted(), token) ? 0 : Math.exp(logits[token] - top) / sum,
        argmax,
        1 / sum,
        Math.exp(second - top) / sum,
        top + Math.log(sum),
        Math.log(sum) - weighted / sum);
  }

  private static void assertClose(Prediction found, Prediction expected) {
    assertThat(found.token()).as("token").isEqualTo(expected.token());
    assertThat(found.argmax()).as("argmax").isEqualTo(expected.argmax());
    assertThat(found.probability()).isCloseTo(expected.probability(), within(TOLERANCE));
    assertThat(found.top()).isCloseTo(expected.top(), within(TOLERANCE));
    assertThat(found.second()).isCloseTo(expected.second(), within(TOLERANCE));
    assertThat(found.logSumExp())
        .isCloseTo(expected.logSumExp(), within(TOLERANCE * (1 + Math.abs(expected.logSumExp()))));
    assertThat(found.entropy()).isCloseTo(expected.entropy(), within(10 * TOLERANCE));
  }

  /** Smooth logits, or coarse ones that have ties. */
  private static float[] randomLogits(SplittableRandom random, int ids) {
    boolean coarse = random.nextBoolean();
    float[] logits = new float[ids];
    for (int id = 0; id < ids; id++) {
      logits[id] = coarse ? random.nextInt(-20, 20) / 4f : (float) (4 * random.nextGaussian());
      if (random.nextInt(50) == 0) {
        logits[id] = Float.NEGATIVE_INFINITY;
      }
    }
    logits[random.nextInt(ids)] = 1;
    return logits;
  }

  private static RowDraw randomDraw(SplittableRandom random, int ids) {
    double[] temperatures = {0, 0.3, 1, 20};
    return new RowDraw(
        new Draw(
            temperatures[random.nextInt(temperatures.length)],
            Optional.empty(),
            random.nextLong(),
            random.nextInt(100),
            randomIds(random, ids),
            randomIds(random, ids)),
        random.nextInt(5000),
        random.nextInt(3) == 0 ? Optional.of(randomSet(random, ids)) : Optional.empty());
  }

  /** Many ids or few, always the last one. */
  private static IdSet randomSet(SplittableRandom random, int ids) {
    int oneIn = random.nextInt(1, 40);
    return IdSet.of(
        IntStream.range(0, ids)
            .filter(id -> id == ids - 1 || random.nextInt(oneIn) == 0)
            .toArray());
  }

  /** Few ids, in any order, sometimes twice; never the last one. */
  private static int[] randomIds(SplittableRandom random, int ids) {
    return ids == 1 || random.nextBoolean()
        ? NONE
        : random.ints(random.nextInt(1, 9), 0, ids - 1).toArray();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3, 4, 5})
  void theReductionIsThatOfTheDefinition(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int ids : new int[] {1, 2, 3, 7, 320, 1031, 2048, GRAIN, GRAIN + 5, 37 * GRAIN + 6}) {
      int rows = random.nextInt(1, 4);
      float[][] logits = new float[rows][];
      List<RowDraw> draws = new ArrayList<>();
      for (int row = 0; row < rows; row++) {
        logits[row] = randomLogits(random, ids);
        logits[row][ids - 1] = 2; // never undrawn, never uncounted
        draws.add(randomDraw(random, ids));
      }
      List<Result> found = reduce(logits, draws, GRAIN);
      for (int row = 0; row < rows; row++) {
        Prediction expected = reference(logits[row], draws.get(row));
        if (draws.get(row).draw().temperature() == 0) {
          assertThat(expected.token()).isEqualTo(expected.argmax());
        }
        assertClose(found.get(row).prediction(), expected);
      }
    }
  }

  /** The head holds row r's logits in column r, and row r of the input is the unit vector r. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3})
  void tokensAreThoseOfTheHostBackend(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = 5;
    int ids = random.nextInt(200, 5000);
    float[][] logits = new float[rows][ids];
    float[] units = new float[rows * rows];
    float[] head = new float[ids * rows];
    List<RowDraw> draws = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      units[row * rows + row] = 1;
      for (int id = 0; id < ids; id++) {
        logits[row][id] = (float) (4 * random.nextGaussian());
        head[id * rows + row] = logits[row][id];
      }
      draws.add(randomDraw(random, ids));
    }
    List<Result> found = reduce(logits, draws, GRAIN);
    try (HostBackend host = new HostBackend(Precision.F32, 1)) {
      Activation x = new StepArena(host::paddedRows).allocate(rows, rows);
      host.begin(1 << 14);
      host.embed(IntStream.range(0, rows).toArray(), host.table(rows, rows, units), x);
      Tensor tensor =
          new Tensor(
              "head", DType.F32, List.of((long) ids, (long) rows), MemorySegment.ofArray(head));
      List<Prediction> expected = host.vocabulary(x, host.weight(List.of(tensor)), draws);
      for (int row = 0; row < rows; row++) {
        assertClose(found.get(row).prediction(), expected.get(row));
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1})
  void bitsDependNeitherOnTheWidthOfTheChunksNorOnTheBatch(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int ids = 3 * GRAIN + 777;
    float[][] logits = {randomLogits(random, ids), randomLogits(random, ids)};
    List<RowDraw> draws = List.of(randomDraw(random, ids), randomDraw(random, ids));
    List<Result> expected = reduce(logits, draws, GRAIN);
    assertThat(reduce(logits, draws, 2 * GRAIN)).isEqualTo(expected);
    assertThat(reduce(logits, draws, 4 * GRAIN)).isEqualTo(expected);
    for (int row = 0; row < 2; row++) {
      assertThat(reduce(new float[][] {logits[row]}, List.of(draws.get(row)), GRAIN).getFirst())
          .isEqualTo(expected.get(row));
    }
    assertClose(expected.get(0).prediction(), reference(logits[0], draws.get(0)));
  }

  @Test
  void equalLogitsGiveTheLowestIdAndTheEntropyOfAUniformDistribution() {
    for (int ids : new int[] {1, 5, 320, GRAIN, GRAIN + 1, 2 * GRAIN}) {
      for (float logit : new float[] {0, -100, 10_000}) {
        float[] logits = new float[ids];
        Arrays.fill(logits, logit);
        Prediction found = reduce(logits, Draw.GREEDY).prediction();
        assertThat(found.token()).isZero();
        assertThat(found.argmax()).isZero();
        assertThat(found.top()).isCloseTo(1.0 / ids, within(1e-12));
        assertThat(found.second()).isCloseTo(ids == 1 ? 0 : 1.0 / ids, within(1e-12));
        assertThat(found.entropy()).isCloseTo(Math.log(ids), within(1e-9));
        assertThat(found.logSumExp()).isCloseTo(logit + Math.log(ids), within(1e-8));
      }
    }
  }

  @Test
  void theTwoHighestMayLieAnywhere() {
    int ids = 2 * GRAIN + 9;
    for (int[] pair : new int[][] {{0, 1}, {5, 1029}, {GRAIN - 1, GRAIN}, {64, ids - 1}}) {
      float[] logits = new float[ids];
      logits[pair[0]] = 20;
      logits[pair[1]] = 20;
      Prediction found = reduce(logits, Draw.GREEDY).prediction();
      assertThat(found.argmax()).isEqualTo(pair[0]);
      assertThat(found.second()).isEqualTo(found.top());
      logits[pair[1]] = 19;
      found = reduce(logits, Draw.GREEDY).prediction();
      assertThat(found.argmax()).isEqualTo(pair[0]);
      assertThat(found.second() / found.top()).isCloseTo(Math.exp(-1), within(1e-9));
    }
  }

  @Test
  void oneFiniteLogitIsAllTheProbability() {
    float[] logits = new float[5000];
    Arrays.fill(logits, Float.NEGATIVE_INFINITY);
    logits[4321] = -7;
    for (double temperature : new double[] {0, 1}) {
      Prediction found =
          reduce(logits, new Draw(temperature, Optional.empty(), 5, 6, NONE, NONE)).prediction();
      assertThat(found).isEqualTo(new Prediction(4321, 1, 4321, 1, 0, -7, 0));
    }
  }

  @Test
  void logitsThatAreNotFiniteShowInTheLogSumExp() {
    for (float damage : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      for (int at : new int[] {0, 3, 4999}) {
        float[] logits = randomLogits(new SplittableRandom(at), 5000);
        logits[at] = damage;
        assertThat(reduce(logits, Draw.GREEDY).prediction().logSumExp()).isNotFinite();
      }
    }
    float[] nothing = new float[5000];
    Arrays.fill(nothing, Float.NEGATIVE_INFINITY);
    assertThat(reduce(nothing, Draw.GREEDY).prediction().logSumExp()).isNotFinite();
    Arrays.fill(nothing, Float.NaN);
    assertThat(reduce(nothing, Draw.GREEDY).prediction().logSumExp()).isNotFinite();
  }

  @Test
  void ifNoIdMayBeDrawnThereIsNoArgmax() {
    Draw draw = new Draw(0, Optional.empty(), 0, 0, new int[] {0, 1, 2}, NONE);
    Result found = reduce(new float[] {1, 2, 3}, draw);
    assertThat(found.prediction().argmax()).isEqualTo(-1);
    assertThat(found.maximum()).isEqualTo(3);
    assertThat(found.sum()).isCloseTo(1 + Math.exp(-1) + Math.exp(-2), within(1e-6));
  }

  /** What is drawn is the highest score in double precision, whatever f32 makes of it. */
  @ParameterizedTest(name = "temperature {0}")
  @ValueSource(doubles = {1e-300, 1e-3, 0.7, 100, 1e7, 1e35})
  void noIdIsPassedOverThatMayHaveTheBestScore(double temperature) {
    SplittableRandom random = new SplittableRandom(7);
    int rows = 12;
    float[][] logits = new float[rows][2 * GRAIN + 100];
    List<RowDraw> draws = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      float scale = row % 3 == 0 ? 0 : row % 3 == 1 ? 1 : 1e4f;
      for (int id = 0; id < logits[row].length; id++) {
        logits[row][id] = scale * (float) random.nextGaussian();
      }
      Draw draw = new Draw(temperature, Optional.empty(), row, row, NONE, NONE);
      draws.add(new RowDraw(draw, row));
    }
    List<Result> found = reduce(logits, draws, GRAIN);
    for (int row = 0; row < rows; row++) {
      assertThat(found.get(row).prediction().token())
          .as("row %d", row)
          .isEqualTo(reference(logits[row], draws.get(row)).token());
    }
  }

  @Test
  void aChunkWritesTheStatesOfItsOwnGrainsAndNoOthers() {
    try (Memory memory = new Memory(library)) {
      int rows = 3;
      int grains = 5;
      Memory.Buffer states = memory.bytes(48L * rows * grains);
      Matrix logits =
          memory.random(new SplittableRandom(1), ElementType.F32, rows, GRAIN + 4, GRAIN + 4);
      Memory.Buffer how = memory.bytes(48L * rows);
      for (int row = 0; row < rows; row++) {
        RowDraw greedy = new RowDraw(Draw.GREEDY, 0);
        writeDraw(how.data.asSlice(48L * row, 48), greedy, 5 * GRAIN, new ArrayList<>());
      }
      memory.launch(
          "vocabulary_fold",
          rows,
          2,
          256,
          0,
          Set.of(states),
          logits,
          logits.stride(),
          2 * GRAIN,
          GRAIN + 4,
          how,
          memory.ints(),
          grains,
          states);
      for (int i = 0; i < rows * grains; i++) {
        boolean written = i % grains == 2 || i % grains == 3;
        byte[] state = states.data.asSlice(48L * i, 48).toArray(JAVA_BYTE);
        byte[] poison = new byte[48];
        Arrays.fill(poison, Memory.POISON);
        assertThat(Arrays.equals(state, poison)).as("state %d", i).isNotEqualTo(written);
      }
    }
  }
}
