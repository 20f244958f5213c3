package dev.palimpsest.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The kernels that work on rows one by one. */
class RowKernelsTest {
  private static final String CASES = "cases";
  private static final String NAME = "{0}, seed {1}";
  private static final int BLOCK = 256;

  private final KernelLibrary library = KernelLibrary.assumed();

  static Stream<Arguments> cases() {
    return ElementType.withSeeds(6);
  }

  /** The size of a problem: ragged, or whole packs as real models have them. */
  private record Shape(int rows, int columns, boolean isRagged) {
    static Shape random(SplittableRandom random, ElementType type) {
      boolean ragged = random.nextBoolean();
      int columns = ragged ? random.nextInt(1, 700) : type.pack() * random.nextInt(1, 90);
      return new Shape(random.nextInt(1, 7), columns, ragged);
    }

    /** A stride for {@code columns} columns. */
    int stride(SplittableRandom random, ElementType type, int columns) {
      return isRagged
          ? columns + random.nextInt(4)
          : (columns + type.pack() - 1) / type.pack() * type.pack()
              + type.pack() * random.nextInt(2);
    }

    int stride(SplittableRandom random, ElementType type) {
      return stride(random, type, columns);
    }
  }

  private static int[] randomRows(SplittableRandom random, int count, int of) {
    return random.ints(count, 0, of).toArray();
  }

  private static double[][] picked(double[][] values, int[] rows) {
    return Arrays.stream(rows).mapToObj(row -> values[row]).toArray(double[][]::new);
  }

  private static double[][] scaled(double[][] values, double factor) {
    return Arrays.stream(values)
        .map(row -> Arrays.stream(row).map(value -> Math.abs(value) * factor + 1e-30).toArray())
        .toArray(double[][]::new);
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void embedTakesTheRowsOfTheTokens(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = Shape.random(random, type);
    try (Memory memory = new Memory(library)) {
      int ids = random.nextInt(1, 20);
      Matrix table = memory.random(random, type, ids, shape.columns(), shape.columns());
      int[] tokens = randomRows(random, shape.rows(), ids);
      Matrix out = memory.matrix(type, shape.rows(), shape.columns(), shape.stride(random, type));
      memory.launch(
          "embed" + type.suffix(),
          shape.rows(),
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(out.buffer()),
          memory.ints(tokens),
          table,
          shape.columns(),
          out,
          out.stride());
      out.assertEqual(picked(table.values(), tokens));
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void gatherTakesTheNamedRows(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = Shape.random(random, type);
    try (Memory memory = new Memory(library)) {
      Matrix x =
          memory.random(random, type, shape.rows(), shape.columns(), shape.stride(random, type));
      int[] rows = randomRows(random, random.nextInt(1, 12), shape.rows());
      Matrix out = memory.matrix(type, rows.length, shape.columns(), shape.stride(random, type));
      memory.launch(
          "gather" + type.suffix(),
          rows.length,
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(out.buffer()),
          x,
          x.stride(),
          memory.ints(rows),
          out,
          out.stride(),
          shape.columns());
      out.assertEqual(picked(x.values(), rows));
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void rmsNormNormalisesTheRow(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = Shape.random(random, type);
    try (Memory memory = new Memory(library)) {
      Matrix x =
          memory.random(random, type, shape.rows(), shape.columns(), shape.stride(random, type));
      Matrix out = memory.matrix(type, shape.rows(), shape.columns(), shape.stride(random, type));
      checkNorm(memory, random, x, out);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void rmsNormMayWriteOverItsInput(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = Shape.random(random, type);
    try (Memory memory = new Memory(library)) {
      Matrix x =
          memory.random(random, type, shape.rows(), shape.columns(), shape.stride(random, type));
      checkNorm(memory, random, x, x);
    }
  }

  /** Wider than what the threads of a block hold in registers. */
  @ParameterizedTest
  @EnumSource
  void rmsNormTakesWideRows(ElementType type) {
    SplittableRandom random = new SplittableRandom(7);
    try (Memory memory = new Memory(library)) {
      for (Shape shape : new Shape[] {new Shape(2, 10_003, true), new Shape(2, 9_216, false)}) {
        int stride = shape.stride(random, type);
        Matrix x = memory.random(random, type, shape.rows(), shape.columns(), stride);
        checkNorm(memory, random, x, memory.matrix(type, shape.rows(), shape.columns(), stride));
        checkNorm(memory, random, x, x);
      }
    }
  }

  private static void checkNorm(Memory memory, SplittableRandom random, Matrix x, Matrix out) {
    int columns = x.columns();
    double[][] normalised = x.values();
    float epsilon = 1e-5f;
    float[] gain = memory.randomFloats(random, columns);
    double[][] expected = new double[x.rows()][columns];
    for (int row = 0; row < x.rows(); row++) {
      double squares = Arrays.stream(normalised[row]).map(value -> value * value).sum();
      double inverse = 1 / Math.sqrt(squares / columns + epsilon);
      for (int column = 0; column < columns; column++) {
        expected[row][column] = normalised[row][column] * inverse * gain[column];
      }
    }
    memory.launch(
        "rms_norm" + x.type().suffix(),
        x.rows(),
        1,
        BLOCK,
        0,
        Set.of(out.buffer()),
        x,
        x.stride(),
        memory.floats(gain),
        epsilon,
        out,
        out.stride(),
        columns);
    out.assertClose(expected, scaled(expected, x.type().tolerance));
  }

  @ParameterizedTest
  @EnumSource
  void rmsNormOfZerosIsZero(ElementType type) {
    try (Memory memory = new Memory(library)) {
      Matrix x = memory.matrix(type, 1, 33, 40);
      for (int column = 0; column < 33; column++) {
        x.set(0, column, 0);
      }
      Matrix out = memory.matrix(type, 1, 33, 40);
      checkNorm(memory, new SplittableRandom(1), x, out);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void rotaryTurnsTheHalvesOfEveryHead(ElementType type, long seed) {
    checkRotary(type, new SplittableRandom(seed), false);
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void rotaryNormalisesEveryHeadFirstIfThereIsAGain(ElementType type, long seed) {
    checkRotary(type, new SplittableRandom(seed), true);
  }

  private void checkRotary(ElementType type, SplittableRandom random, boolean hasGain) {
    int rows = random.nextInt(1, 6);
    int heads = random.nextInt(1, 11);
    int queryHeads = random.nextInt(heads + 1);
    int headSize = random.nextBoolean() ? 16 * random.nextInt(1, 9) : random.nextInt(2, 150);
    int rotarySize = random.nextBoolean() ? headSize / 2 * 2 : headSize / 4 * 2;
    if (rotarySize == 0) {
      rotarySize = 2;
    }
    int half = rotarySize / 2;
    int positions = 9;
    float epsilon = 1e-6f;
    try (Memory memory = new Memory(library)) {
      Matrix x =
          memory.random(random, type, rows, heads * headSize, heads * headSize + random.nextInt(3));
      Matrix table = memory.random(random, ElementType.F32, positions, rotarySize, rotarySize);
      int[] at = randomRows(random, rows, positions);
      float[] gain = memory.randomFloats(random, headSize);
      float[] keyGain = memory.randomFloats(random, headSize);
      double[][] expected = x.values();
      double[][] tolerance = new double[rows][heads * headSize];
      for (int row = 0; row < rows; row++) {
        for (int h = 0; h < heads * headSize; h += headSize) {
          double[] head = Arrays.copyOfRange(expected[row], h, h + headSize);
          if (hasGain) {
            double squares = Arrays.stream(head).map(value -> value * value).sum();
            for (int i = 0; i < headSize; i++) {
              float own = h < queryHeads * headSize ? gain[i] : keyGain[i];
              head[i] *= own / Math.sqrt(squares / headSize + epsilon);
            }
          }
          double[] turned = head.clone();
          for (int i = 0; i < half; i++) {
            double cosine = table.get(at[row], i);
            double sine = table.get(at[row], half + i);
            turned[i] = head[i] * cosine - head[half + i] * sine;
            turned[half + i] = head[half + i] * cosine + head[i] * sine;
            double size =
                (Math.abs(cosine) + Math.abs(sine))
                    * (Math.abs(head[i]) + Math.abs(head[half + i]));
            // With a gain, what is rotated is rounded too.
            tolerance[row][h + i] = size * type.tolerance * (hasGain ? 2 : 1);
            tolerance[row][h + half + i] = tolerance[row][h + i];
          }
          for (int i = 0; i < headSize; i++) {
            expected[row][h + i] = turned[i];
            if (i >= rotarySize && hasGain) {
              tolerance[row][h + i] = Math.abs(turned[i]) * type.tolerance;
            }
          }
        }
      }
      memory.launch(
          "rotary" + type.suffix(),
          rows,
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(x.buffer()),
          x,
          x.stride(),
          heads,
          queryHeads,
          headSize,
          rotarySize,
          memory.ints(at),
          table,
          hasGain ? memory.floats(gain) : MemorySegment.NULL,
          hasGain ? memory.floats(keyGain) : MemorySegment.NULL,
          epsilon);
      x.assertClose(expected, tolerance);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void normAndRotationInOneLaunchHaveTheBitsOfThreeLaunches(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = random.nextInt(1, 6);
    int heads = random.nextInt(1, 11);
    int queryHeads = random.nextInt(heads + 1);
    int headSize = random.nextBoolean() ? 16 * random.nextInt(1, 9) : 2 * random.nextInt(1, 75);
    int rotarySize = random.nextBoolean() ? headSize : Math.max(2, headSize / 4 * 2);
    try (Memory memory = new Memory(library)) {
      Matrix x = memory.random(random, type, rows, heads * headSize, heads * headSize);
      Matrix apart = memory.matrix(type, rows, heads * headSize, heads * headSize);
      apart.buffer().data.copyFrom(x.buffer().data);
      MemorySegment keys = apart.buffer().data.asSlice((long) queryHeads * headSize * type.bytes);
      Matrix table = memory.random(random, ElementType.F32, 9, rotarySize, rotarySize);
      Memory.Buffer at = memory.ints(randomRows(random, rows, 9));
      Memory.Buffer gain = memory.floats(memory.randomFloats(random, headSize));
      Memory.Buffer keyGain = memory.floats(memory.randomFloats(random, headSize));
      MemorySegment none = MemorySegment.NULL;
      launchRotary(memory, x, x, heads, queryHeads, headSize, rotarySize, at, table, gain, keyGain);
      launchRotary(memory, apart, apart, queryHeads, queryHeads, headSize, 0, at, none, gain, none);
      launchRotary(
          memory, apart, keys, heads - queryHeads, 0, headSize, 0, at, none, none, keyGain);
      launchRotary(memory, apart, apart, heads, heads, headSize, rotarySize, at, table, none, none);
      for (int row = 0; row < rows; row++) {
        assertThat(x.rowBytes(row)).isEqualTo(apart.rowBytes(row));
      }
    }
  }

  private static void launchRotary(
      Memory memory,
      Matrix matrix,
      Object from,
      int heads,
      int queryHeads,
      int headSize,
      int rotarySize,
      Object positions,
      Object table,
      Object gain,
      Object keyGain) {
    memory.launch(
        "rotary" + matrix.type().suffix(),
        matrix.rows(),
        2,
        BLOCK,
        0,
        Set.of(matrix.buffer()),
        from,
        matrix.stride(),
        heads,
        queryHeads,
        headSize,
        rotarySize,
        positions,
        table,
        gain,
        keyGain,
        1e-6f);
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void swigluGatesTheSecondHalfWithTheFirst(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = Shape.random(random, type);
    int columns = shape.columns();
    try (Memory memory = new Memory(library)) {
      Matrix gateUp =
          memory.random(
              random, type, shape.rows(), 2 * columns, shape.stride(random, type, 2 * columns));
      gateUp.set(0, 0, 200);
      gateUp.set(shape.rows() - 1, columns - 1, -200);
      Matrix out = memory.matrix(type, shape.rows(), columns, shape.stride(random, type));
      double[][] expected = new double[shape.rows()][columns];
      for (int row = 0; row < shape.rows(); row++) {
        for (int column = 0; column < columns; column++) {
          double gate = gateUp.get(row, column);
          expected[row][column] = gate / (1 + Math.exp(-gate)) * gateUp.get(row, columns + column);
        }
      }
      memory.launch(
          "swiglu" + type.suffix(),
          shape.rows(),
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(out.buffer()),
          gateUp,
          gateUp.stride(),
          out,
          out.stride(),
          columns);
      out.assertClose(expected, scaled(expected, type.tolerance));
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void guideMovesRowsAwayFromTheUnconditionalOnes(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = Shape.random(random, type);
    int columns = shape.columns();
    int pairs = shape.rows();
    try (Memory memory = new Memory(library)) {
      Matrix x = memory.random(random, type, 2 * pairs, columns, shape.stride(random, type));
      int[] indices = new int[2 * pairs + 2];
      float[] scales = memory.randomFloats(random, pairs + 1);
      double[][] expected = x.values();
      double[][] tolerance = new double[2 * pairs][columns];
      for (int pair = 0; pair < pairs; pair++) {
        int guided = pairs - 1 - pair;
        int unconditional = pairs + pair;
        indices[2 * pair] = guided;
        indices[2 * pair + 1] = unconditional;
        for (int column = 0; column < columns; column++) {
          double with = x.get(guided, column);
          double without = x.get(unconditional, column);
          expected[guided][column] = without + (scales[pair] + 1.0) * (with - without);
          tolerance[guided][column] =
              type.tolerance
                  * (Math.abs(without) + Math.abs(scales[pair] + 1.0) * Math.abs(with - without));
        }
      }
      indices[2 * pairs] = -1;
      memory.launch(
          "guide" + type.suffix(),
          pairs + 1,
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(x.buffer()),
          x,
          x.stride(),
          columns,
          memory.ints(indices),
          memory.floats(scales));
      x.assertClose(expected, tolerance);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void addBiasAddsTheBiasToEveryRow(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = Shape.random(random, type);
    try (Memory memory = new Memory(library)) {
      Matrix x =
          memory.random(random, type, shape.rows(), shape.columns(), shape.stride(random, type));
      float[] bias = memory.randomFloats(random, shape.columns());
      double[][] expected = x.values();
      for (double[] row : expected) {
        for (int column = 0; column < row.length; column++) {
          row[column] = type.rounded((float) row[column] + bias[column]);
        }
      }
      memory.launch(
          "add_bias" + type.suffix(),
          shape.rows(),
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(x.buffer()),
          x,
          x.stride(),
          memory.floats(bias),
          shape.columns());
      x.assertEqual(expected);
    }
  }

  @ParameterizedTest(name = NAME)
  @MethodSource(CASES)
  void moveCopiesRowsToTheNamedOnesAndLeavesTheRest(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = Shape.random(random, type);
    int targets = shape.rows() + 5;
    try (Memory memory = new Memory(library)) {
      Matrix x =
          memory.random(random, type, shape.rows(), shape.columns(), shape.stride(random, type));
      Matrix out =
          memory.random(random, type, targets, shape.columns(), shape.stride(random, type));
      int moves = random.nextInt(1, targets);
      int[] from = randomRows(random, moves, shape.rows());
      int[] to = new int[moves];
      double[][] expected = out.values();
      for (int move = 0; move < moves; move++) {
        to[move] = random.nextInt(4) == 0 ? -1 : targets - 1 - move;
        if (to[move] >= 0) {
          expected[to[move]] = x.values()[from[move]];
        }
      }
      memory.launch(
          "move" + type.suffix(),
          moves,
          random.nextInt(1, 4),
          BLOCK,
          0,
          Set.of(out.buffer()),
          x,
          x.stride(),
          memory.ints(from),
          out,
          out.stride(),
          memory.ints(to),
          shape.columns());
      out.assertEqual(expected);
    }
  }

  @ParameterizedTest
  @EnumSource
  void randomIsNormalAndDependsOnSeedAndIndexAlone(ElementType type) {
    int count = 20_001;
    float scale = 0.5f;
    try (Memory memory = new Memory(library)) {
      Matrix first = memory.matrix(type, 1, count, count);
      Matrix wider = memory.matrix(type, 1, count + 5, count + 5);
      Matrix other = memory.matrix(type, 1, count, count);
      String kernel = "random" + type.suffix();
      memory.launch(kernel, 1, 1, BLOCK, 0, Set.of(first.buffer()), first, (long) count, 7L, scale);
      memory.launch(
          kernel, 5, 1, 32, 0, Set.of(wider.buffer()), wider, (long) count + 5, 7L, scale);
      memory.launch(kernel, 1, 1, BLOCK, 0, Set.of(other.buffer()), other, (long) count, 8L, scale);
      double[] values = first.values()[0];
      double mean = Arrays.stream(values).average().orElseThrow();
      double square = Arrays.stream(values).map(value -> value * value).average().orElseThrow();
      long far = Arrays.stream(values).filter(value -> Math.abs(value) > 2 * scale).count();
      // Five standard errors of each.
      assertThat(mean).isCloseTo(0, within(5 * scale / Math.sqrt(count)));
      assertThat(square).isCloseTo(0.25, within(0.0125));
      assertThat((double) far / count).isCloseTo(0.0455, within(0.0075));
      assertThat(wider.rowBytes(0)).startsWith(first.rowBytes(0));
      assertThat(other.rowBytes(0)).isNotEqualTo(first.rowBytes(0));
    }
  }
}
