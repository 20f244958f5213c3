package dev.palimpsest.tests.kernels;

import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The kernels of models with scaled streams, norms after a block's parts, and canvases. */
class CanvasKernelsTest {
  private static final String CASES = "cases";
  private static final String NAME = "{0}, seed {1}";
  private static final int BLOCK = 256;

  private final KernelLibrary library = KernelLibrary.assumed();

  static Stream<Arguments> cases() {
    return ElementType.withSeeds(4);
  }

  /** Ragged, or whole packs as real models have them. */
  private static int columns(SplittableRandom random, ElementType type) {
    return random.nextBoolean() ? random.nextInt(1, 700) : type.pack() * random.nextInt(1, 90);
  }

  private static Matrix random(
      Memory memory, SplittableRandom random, ElementType type, int columns) {
    int stride = columns % type.pack() == 0 ? columns + type.pack() : columns + random.nextInt(4);
    return memory.random(random, type, random.nextInt(1, 7), columns, stride);
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void aNormIsAddedToWhatIsThere(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float epsilon = 1e-5f;
    try (Memory memory = new Memory(library)) {
      Matrix x = random(memory, random, type, columns(random, type));
      int columns = x.columns();
      Matrix sum = memory.random(random, type, x.rows(), columns, x.stride());
      float[] gain = memory.randomFloats(random, columns);
      double[][] expected = sum.values();
      double[][] tolerance = new double[x.rows()][columns];
      for (int row = 0; row < x.rows(); row++) {
        double squares = Arrays.stream(x.values()[row]).map(value -> value * value).sum();
        for (int column = 0; column < columns; column++) {
          double added = x.get(row, column) / Math.sqrt(squares / columns + epsilon) * gain[column];
          tolerance[row][column] =
              type.tolerance * (Math.abs(expected[row][column]) + Math.abs(added));
          expected[row][column] += added;
        }
      }
      memory.launch(
          "add_rms_norm" + type.suffix(),
          x.rows(),
          1,
          BLOCK,
          0,
          Set.of(sum.buffer()),
          x,
          x.stride(),
          memory.floats(gain),
          epsilon,
          sum,
          sum.stride(),
          columns);
      sum.assertClose(expected, tolerance);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void gegluGatesTheSecondHalfWithTheFirst(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int columns = columns(random, type);
    try (Memory memory = new Memory(library)) {
      Matrix gateUp = random(memory, random, type, 2 * columns);
      gateUp.set(0, 0, 200);
      gateUp.set(gateUp.rows() - 1, columns - 1, -200);
      Matrix out = memory.matrix(type, gateUp.rows(), columns, columns + 8);
      double[][] expected = new double[gateUp.rows()][columns];
      double[][] tolerance = new double[gateUp.rows()][columns];
      for (int row = 0; row < gateUp.rows(); row++) {
        for (int column = 0; column < columns; column++) {
          double x = gateUp.get(row, column);
          double up = gateUp.get(row, columns + column);
          double inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
          expected[row][column] = x / 2 * (1 + Math.tanh(inner)) * up;
          tolerance[row][column] = type.tolerance * Math.abs(x * up) + 1e-30;
        }
      }
      memory.launch(
          "geglu" + type.suffix(),
          gateUp.rows(),
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(out.buffer()),
          gateUp,
          gateUp.stride(),
          out,
          out.stride(),
          columns);
      out.assertClose(expected, tolerance);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void rowsAreScaledByTheFactorOfTheirKind(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (Memory memory = new Memory(library)) {
      Matrix x = random(memory, random, type, columns(random, type));
      float[] factors = memory.randomFloats(random, 3);
      int[] which = random.ints(x.rows(), 0, 3).toArray();
      double[][] expected = x.values();
      for (int row = 0; row < x.rows(); row++) {
        for (int column = 0; column < x.columns(); column++) {
          expected[row][column] = type.rounded(x.get(row, column) * factors[which[row]]);
        }
      }
      memory.launch(
          "scale_rows" + type.suffix(),
          x.rows(),
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(x.buffer()),
          x,
          x.stride(),
          memory.floats(factors),
          memory.ints(which),
          x.columns());
      x.assertEqual(expected);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void chosenWeightsAreScaledAndOthersAreNot(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    try (Memory memory = new Memory(library)) {
      int entries = random.nextInt(1, 600);
      int[] ids = random.ints(entries, -1, 5).toArray();
      float[] scales = memory.randomFloats(random, 5);
      Matrix weights = memory.random(random, ElementType.F32, 1, entries, entries);
      double[][] expected = weights.values();
      for (int i = 0; i < entries; i++) {
        if (ids[i] >= 0) {
          expected[0][i] = weights.get(0, i) * scales[ids[i]];
        }
      }
      memory.launch(
          "scale_choice_f32",
          Math.ceilDiv(entries, BLOCK),
          1,
          BLOCK,
          0,
          Set.of(weights.buffer()),
          memory.ints(ids),
          memory.floats(scales),
          weights,
          entries);
      weights.assertEqual(expected);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void logitsAreCapped(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float cap = 3;
    try (Memory memory = new Memory(library)) {
      Matrix x = random(memory, random, type, columns(random, type));
      x.set(0, 0, 500);
      x.set(x.rows() - 1, x.columns() - 1, -500);
      double[][] expected = x.values();
      double[][] tolerance = new double[x.rows()][x.columns()];
      for (int row = 0; row < x.rows(); row++) {
        for (int column = 0; column < x.columns(); column++) {
          expected[row][column] = cap * Math.tanh(expected[row][column] / cap);
          tolerance[row][column] = type.tolerance * Math.abs(expected[row][column]) + 1e-30;
        }
      }
      boolean isVocabulary = type == ElementType.F32 && random.nextBoolean();
      memory.launch(
          isVocabulary ? "vocabulary_cap" : "soft_cap" + type.suffix(),
          x.rows(),
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(x.buffer()),
          x,
          x.stride(),
          cap,
          x.columns());
      x.assertClose(expected, tolerance);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void probabilitiesAreThoseOfTheLogitsAtATemperature(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float inverse = 1 / (0.3f + random.nextFloat());
    try (Memory memory = new Memory(library)) {
      Matrix logits = random(memory, random, ElementType.F32, random.nextInt(1, 1500));
      int ids = logits.columns();
      logits.set(0, ids - 1, 40);
      Matrix out = memory.matrix(type, logits.rows(), ids, ids + random.nextInt(4));
      double[][] expected = new double[logits.rows()][ids];
      double[][] tolerance = new double[logits.rows()][ids];
      for (int row = 0; row < logits.rows(); row++) {
        double[] own = logits.values()[row];
        double top = Arrays.stream(own).max().orElseThrow();
        double sum = Arrays.stream(own).map(x -> Math.exp(inverse * (x - top))).sum();
        for (int id = 0; id < ids; id++) {
          double exponent = inverse * (own[id] - top);
          expected[row][id] = Math.exp(exponent) / sum;
          tolerance[row][id] =
              (type.tolerance + 2e-7 * Math.abs(exponent)) * expected[row][id] + 1e-30;
        }
      }
      memory.launch(
          "softmax" + type.suffix(),
          logits.rows(),
          1,
          BLOCK,
          0,
          Set.of(out.buffer()),
          logits,
          logits.stride(),
          ids,
          inverse,
          out,
          out.stride());
      out.assertClose(expected, tolerance);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void rowsBecomeColumns(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = random.nextInt(1, 100);
    int columns = random.nextInt(1, 100);
    try (Memory memory = new Memory(library)) {
      Matrix x = memory.random(random, type, rows, columns, columns);
      Matrix out = memory.matrix(type, /* rows= */ columns, /* columns= */ rows, rows);
      memory.launch(
          "transpose" + type.suffix(),
          Math.ceilDiv(columns, 32),
          Math.ceilDiv(rows, 32),
          BLOCK,
          0,
          Set.of(out.buffer()),
          x,
          rows,
          columns,
          out);
      out.assertEqual(
          IntStream.range(0, columns)
              .mapToObj(
                  column ->
                      IntStream.range(0, rows).mapToDouble(row -> x.get(row, column)).toArray())
              .toArray(double[][]::new));
    }
  }
}
