package dev.palimpsest.tests.kernels;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Routing to experts, grouping by expert, and the way back. */
class ExpertKernelsTest {
  private final KernelLibrary library = KernelLibrary.assumed();

  static Stream<Arguments> cases() {
    return ElementType.withSeeds(4);
  }

  /** The experts of a row in ascending order, with their weights. */
  private record Choice(int[] ids, double[] weights) {}

  /** The {@code count} experts with the highest scores, the lower id first between equals. */
  private static int[] best(double[] scores, int count) {
    return IntStream.range(0, scores.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer id) -> -scores[id]))
        .limit(count)
        .mapToInt(id -> id)
        .sorted()
        .toArray();
  }

  private static Choice softmax(double[] logits, int chosen, boolean normalise) {
    double top = Arrays.stream(logits).max().orElseThrow();
    double sum = Arrays.stream(logits).map(x -> Math.exp(x - top)).sum();
    int[] ids = best(logits, chosen);
    double[] weights =
        Arrays.stream(ids).mapToDouble(id -> Math.exp(logits[id] - top) / sum).toArray();
    double all = normalise ? Arrays.stream(weights).sum() : 1;
    return new Choice(ids, Arrays.stream(weights).map(weight -> weight / all).toArray());
  }

  private static Choice grouped(
      double[] logits, float[] bias, int groups, int keptGroups, int chosen, double scale) {
    int size = logits.length / groups;
    double[] probabilities = Arrays.stream(logits).map(x -> 1 / (1 + Math.exp(-x))).toArray();
    double[] selection = new double[logits.length];
    Arrays.setAll(selection, id -> probabilities[id] + bias[id]);
    double[] groupScores = new double[groups];
    for (int group = 0; group < groups; group++) {
      double[] sorted = Arrays.copyOfRange(selection, group * size, (group + 1) * size);
      Arrays.sort(sorted);
      groupScores[group] = sorted[size - 1] + (size > 1 ? sorted[size - 2] : 0);
    }
    int[] kept = best(groupScores, keptGroups);
    for (int id = 0; id < selection.length; id++) {
      if (Arrays.binarySearch(kept, id / size) < 0) {
        selection[id] = Double.NEGATIVE_INFINITY;
      }
    }
    int[] ids = best(selection, chosen);
    double sum = Arrays.stream(ids).mapToDouble(id -> probabilities[id]).sum() + 1e-20;
    return new Choice(
        ids, Arrays.stream(ids).mapToDouble(id -> probabilities[id] / sum * scale).toArray());
  }

  private static void assertChoice(
      Memory.Buffer ids, Matrix weights, int row, int chosen, Choice expected) {
    for (int i = 0; i < chosen; i++) {
      assertThat(ids.data.getAtIndex(JAVA_INT, (long) row * chosen + i))
          .as("choice %s of row %s", i, row)
          .isEqualTo(expected.ids()[i]);
      assertThat((double) weights.get(row, i)).isCloseTo(expected.weights()[i], within(2e-6));
    }
  }

  /** No expert is chosen for the rows from this one on. */
  private static void assertPadding(Memory.Buffer ids, Matrix weights, int first) {
    for (int row = first; row < weights.rows(); row++) {
      for (int i = 0; i < weights.columns(); i++) {
        assertThat(ids.data.getAtIndex(JAVA_INT, (long) row * weights.columns() + i)).isEqualTo(-1);
        assertThat(weights.get(row, i)).isZero();
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3, 4, 5})
  void softmaxRoutingTakesTheMostProbableExperts(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int experts : new int[] {1, 8, 33, 64, 128, 512}) {
      int rows = random.nextInt(1, 9);
      int routed = random.nextInt(1, rows + 1);
      int chosen = random.nextInt(1, Math.min(experts, 32) + 1);
      boolean normalise = random.nextBoolean();
      try (Memory memory = new Memory(library)) {
        Matrix logits = memory.random(random, ElementType.F32, rows, experts, experts + 3);
        Memory.Buffer ids = memory.bytes(4L * rows * chosen);
        Matrix weights = memory.matrix(ElementType.F32, rows, chosen, chosen);
        memory.launch(
            "route_softmax_f32",
            rows,
            1,
            32,
            0,
            Set.of(ids, weights.buffer()),
            logits,
            logits.stride(),
            memory.ints(routed),
            experts,
            chosen,
            normalise ? 1 : 0,
            ids,
            weights);
        assertPadding(ids, weights, routed);
        for (int row = 0; row < routed; row++) {
          Choice expected = softmax(logits.values()[row], chosen, normalise);
          assertChoice(ids, weights, row, chosen, expected);
        }
      }
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3, 4, 5})
  void groupedRoutingTakesTheBestExpertsOfTheBestGroups(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[][] shapes = {{8, 4, 2, 2}, {256, 8, 4, 8}, {8, 8, 3, 3}, {8, 1, 1, 8}, {512, 32, 5, 32}};
    for (int[] shape : shapes) {
      int experts = shape[0];
      int chosen = shape[3];
      int rows = random.nextInt(1, 9);
      int routed = random.nextInt(1, rows + 1);
      float scale = 2.5f;
      try (Memory memory = new Memory(library)) {
        Matrix logits = memory.random(random, ElementType.F32, rows, experts, experts);
        float[] bias = memory.randomFloats(random, experts);
        Memory.Buffer ids = memory.bytes(4L * rows * chosen);
        Matrix weights = memory.matrix(ElementType.F32, rows, chosen, chosen);
        memory.launch(
            "route_grouped_f32",
            rows,
            1,
            32,
            0,
            Set.of(ids, weights.buffer()),
            logits,
            logits.stride(),
            memory.ints(routed),
            memory.floats(bias),
            experts,
            shape[1],
            shape[2],
            chosen,
            scale,
            ids,
            weights);
        assertPadding(ids, weights, routed);
        for (int row = 0; row < routed; row++) {
          Choice expected = grouped(logits.values()[row], bias, shape[1], shape[2], chosen, scale);
          assertChoice(ids, weights, row, chosen, expected);
        }
      }
    }
  }

  @Test
  void betweenEqualExpertsTheLowerIdsAreTaken() {
    int experts = 70;
    int chosen = 3;
    double third = 1.0 / 3;
    try (Memory memory = new Memory(library)) {
      Memory.Buffer logits = memory.floats(new float[experts]);
      Memory.Buffer bias = memory.floats(new float[experts]);
      Memory.Buffer ids = memory.bytes(4L * chosen);
      Matrix weights = memory.matrix(ElementType.F32, 1, chosen, chosen);
      Set<Memory.Buffer> outputs = Set.of(ids, weights.buffer());
      Choice expected = new Choice(new int[] {0, 1, 2}, new double[] {third, third, third});
      memory.launch(
          "route_softmax_f32",
          1,
          1,
          32,
          0,
          outputs,
          logits,
          experts,
          memory.ints(1),
          experts,
          chosen,
          1,
          ids,
          weights);
      assertChoice(ids, weights, 0, chosen, expected);
      memory.launch(
          "route_grouped_f32",
          1,
          1,
          32,
          0,
          outputs,
          logits,
          experts,
          memory.ints(1),
          bias,
          experts,
          7,
          2,
          chosen,
          1f,
          ids,
          weights);
      assertChoice(ids, weights, 0, chosen, expected);
    }
  }

  /** One expert gets no entry, and some entries no expert. */
  private static int[] randomIds(SplittableRandom random, int entries, int experts) {
    return IntStream.range(0, entries)
        .map(
            _ -> {
              int id = random.nextInt(-1, experts);
              return id == experts / 2 && experts > 1 ? 0 : id;
            })
        .toArray();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {0, 1, 2, 3})
  void groupsHoldTheRowsOfTheirExpertInOrder(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int experts : new int[] {1, 8, 33}) {
      int rows = random.nextInt(1, 400);
      int chosen = random.nextInt(1, 5);
      int[] ids = randomIds(random, rows * chosen, experts);
      int[] sorted =
          IntStream.range(0, ids.length)
              .filter(i -> ids[i] >= 0)
              .boxed()
              .sorted(Comparator.comparingInt(i -> ids[i]))
              .mapToInt(i -> i)
              .toArray();
      try (Memory memory = new Memory(library)) {
        Memory.Buffer offsets = memory.bytes(4L * (experts + 1));
        Memory.Buffer groupRows = memory.bytes(4L * ids.length);
        Memory.Buffer slots = memory.bytes(4L * ids.length);
        memory.launch(
            "group_experts",
            experts,
            1,
            256,
            0,
            Set.of(offsets, groupRows, slots),
            memory.ints(ids),
            ids.length,
            chosen,
            experts,
            offsets,
            groupRows,
            slots);
        for (int expert = 0; expert <= experts; expert++) {
          int e = expert;
          assertThat((long) offsets.data.getAtIndex(JAVA_INT, e))
              .isEqualTo(Arrays.stream(ids).filter(id -> id >= 0 && id < e).count());
        }
        int[] expectedSlots = new int[ids.length];
        Arrays.fill(expectedSlots, -1);
        int[] expectedRows = new int[ids.length];
        Arrays.fill(expectedRows, -1);
        for (int slot = 0; slot < sorted.length; slot++) {
          expectedSlots[sorted[slot]] = slot;
          expectedRows[slot] = sorted[slot] / chosen;
        }
        assertThat(slots.data.toArray(JAVA_INT)).isEqualTo(expectedSlots);
        assertThat(groupRows.data.toArray(JAVA_INT)).isEqualTo(expectedRows);
      }
    }
  }

  private static double[] products(Matrix x, int row, Matrix weights, int first, int outputs) {
    double[] result = new double[outputs];
    for (int output = 0; output < outputs; output++) {
      for (int i = 0; i < x.columns(); i++) {
        result[output] += (double) x.get(row, i) * weights.get(first + output, i);
      }
    }
    return result;
  }

  /** Rounding of the sum, and of the result. */
  private static double[][] tolerance(double[][] expected, int inputs, ElementType type) {
    return Arrays.stream(expected)
        .map(
            row ->
                Arrays.stream(row)
                    .map(value -> 1e-6 * inputs + Math.abs(value) * type.tolerance)
                    .toArray())
        .toArray(double[][]::new);
  }

  /** Launches {@code expert_linear} over groups of these sizes. */
  private static void launchExpertLinear(
      Memory memory,
      ElementType type,
      Matrix x,
      Object rows,
      int[] sizes,
      Matrix weights,
      Matrix out) {
    int experts = sizes.length;
    int[] offsets = new int[experts + 1];
    for (int expert = 0; expert < experts; expert++) {
      offsets[expert + 1] = offsets[expert] + sizes[expert];
    }
    boolean bf16 = type == ElementType.BF16;
    int tile = bf16 ? 64 : 32;
    int entries = out.rows();
    memory.launch(
        "expert_linear" + type.suffix(),
        (entries + Math.min(entries, experts) * (tile - 1)) / tile,
        Math.ceilDiv(out.columns(), bf16 ? 128 : 64),
        bf16 ? 128 : 256,
        bf16 ? 46_080 : 0,
        Set.of(out.buffer()),
        x,
        x.stride(),
        rows,
        memory.ints(offsets),
        experts,
        weights,
        out.columns(),
        x.columns(),
        out,
        out.stride());
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("cases")
  void everyGroupIsMultipliedWithItsExpert(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int[][] groups = {{3, 0, 70, 1, 0}, {150}, {0, 64, 0, 33}, new int[40]};
    groups[3][37] = 5;
    int[] sizes = groups[(int) seed % groups.length];
    int multiple = type == ElementType.BF16 ? 8 : 1;
    int inputs = multiple * random.nextInt(1, 160 / multiple);
    int outputs = random.nextInt(1, 200);
    int entries = Arrays.stream(sizes).sum();
    try (Memory memory = new Memory(library)) {
      Matrix x = memory.random(random, type, 9, inputs, inputs + multiple);
      int[] rows = random.ints(entries, 0, 9).toArray();
      Matrix weights = memory.random(random, type, sizes.length * outputs, inputs, inputs);
      Matrix out = memory.matrix(type, entries, outputs, outputs + 3);
      double[][] expected = new double[entries][];
      int place = 0;
      for (int expert = 0; expert < sizes.length; expert++) {
        for (int i = 0; i < sizes[expert]; i++) {
          expected[place] = products(x, rows[place], weights, expert * outputs, outputs);
          place++;
        }
      }
      launchExpertLinear(memory, type, x, memory.ints(rows), sizes, weights, out);
      out.assertClose(expected, tolerance(expected, inputs, type));
    }
  }

  /** Without named rows the places are the rows, and those without a group stay as they are. */
  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("cases")
  void aRowOfAGroupHasTheSameBitsAlone(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int inputs = 8 * random.nextInt(1, 20);
    int outputs = random.nextInt(1, 140);
    int rows = random.nextInt(66, 90);
    int row = random.nextInt(rows);
    try (Memory memory = new Memory(library)) {
      Matrix x = memory.random(random, type, rows + 2, inputs, inputs);
      Matrix weights = memory.random(random, type, 3 * outputs, inputs, inputs);
      Matrix together = memory.matrix(type, rows + 2, outputs, outputs);
      launchExpertLinear(
          memory, type, x, MemorySegment.NULL, new int[] {0, rows, 0}, weights, together);
      Matrix alone = memory.matrix(type, 1, outputs, outputs);
      launchExpertLinear(memory, type, x, memory.ints(row), new int[] {0, 1, 0}, weights, alone);
      assertThat(together.rowBytes(row)).isEqualTo(alone.rowBytes(0));
      assertThat(together.rowBytes(rows + 1)).containsOnly(Memory.POISON);
    }
  }

  private static void launchRouter(
      Memory memory, ElementType type, Matrix x, Matrix weights, Matrix out) {
    memory.launch(
        "router" + type.suffix(),
        Math.ceilDiv(x.rows(), 32),
        Math.ceilDiv(weights.rows(), type == ElementType.BF16 ? 32 : 64),
        256,
        0,
        Set.of(out.buffer()),
        x,
        x.stride(),
        x.rows(),
        weights,
        weights.rows(),
        x.columns(),
        out,
        out.stride());
  }

  /** In bf16 too they are as good as f32 makes them. */
  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("cases")
  void theRoutersProductsAreNotRounded(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int inputs = random.nextBoolean() ? 32 * random.nextInt(1, 24) : random.nextInt(1, 700);
    int experts = random.nextInt(1, 140);
    int rows = random.nextInt(1, 70);
    try (Memory memory = new Memory(library)) {
      int stride = inputs % 32 == 0 ? inputs + 8 : inputs + random.nextInt(4);
      Matrix x = memory.random(random, type, rows, inputs, stride);
      Matrix weights = memory.random(random, ElementType.F32, experts, inputs, inputs);
      for (int i = 0; i < inputs; i++) {
        weights.set(0, i, weights.get(0, i) * (i % 2 == 0 ? 1e-20f : 1e20f));
      }
      Matrix out = memory.matrix(ElementType.F32, rows, experts, experts + 1);
      launchRouter(memory, type, x, weights, out);
      for (int row = 0; row < rows; row++) {
        for (int expert = 0; expert < experts; expert++) {
          double sum = 0;
          double size = 0;
          for (int i = 0; i < inputs; i++) {
            double product = (double) x.get(row, i) * weights.get(expert, i);
            sum += product;
            size += Math.abs(product);
          }
          // A rounding of 2^-24 for each of the additions that follow each other, and of the first.
          int additions = type == ElementType.BF16 ? 96 * Math.ceilDiv(inputs, 256) + 8 : inputs;
          assertThat((double) out.get(row, expert))
              .as("row %d, expert %d of %d inputs", row, expert, inputs)
              .isCloseTo(sum, within(size * (1 + additions) * 0x1p-24));
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("cases")
  void aRowsLogitsHaveTheSameBitsAlone(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int inputs = 8 * random.nextInt(1, 60);
    int experts = random.nextInt(1, 70);
    int rows = random.nextInt(34, 70);
    int row = random.nextInt(rows);
    try (Memory memory = new Memory(library)) {
      Matrix x = memory.random(random, type, rows, inputs, inputs);
      Matrix weights = memory.random(random, ElementType.F32, experts, inputs, inputs);
      Matrix together = memory.matrix(ElementType.F32, rows, experts, experts);
      launchRouter(memory, type, x, weights, together);
      Matrix one = memory.matrix(type, 1, inputs, inputs);
      for (int i = 0; i < inputs; i++) {
        one.set(0, i, x.get(row, i));
      }
      Matrix alone = memory.matrix(ElementType.F32, 1, experts, experts);
      launchRouter(memory, type, one, weights, alone);
      assertThat(together.rowBytes(row)).isEqualTo(alone.rowBytes(0));
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("cases")
  void combineAddsTheWeightedOutputsOfTheExperts(ElementType type, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = random.nextInt(1, 8);
    int chosen = random.nextInt(1, 5);
    boolean ragged = random.nextBoolean();
    int columns = ragged ? random.nextInt(1, 300) : type.pack() * random.nextInt(1, 40);
    int stride = ragged ? columns + 1 : columns + type.pack();
    int accumulate = random.nextInt(2);
    try (Memory memory = new Memory(library)) {
      Matrix grouped = memory.random(random, type, rows * chosen, columns, stride);
      int[] slots = randomIds(random, rows * chosen, rows * chosen);
      float[] weights = memory.randomFloats(random, rows * chosen);
      Matrix out =
          accumulate == 1
              ? memory.random(random, type, rows, columns, stride)
              : memory.matrix(type, rows, columns, stride);
      double[][] expected = new double[rows][columns];
      double[][] tolerance = new double[rows][columns];
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          double sum = accumulate == 1 ? out.get(row, column) : 0;
          double size = Math.abs(sum);
          for (int i = row * chosen; i < (row + 1) * chosen; i++) {
            if (slots[i] >= 0) {
              double term = (double) weights[i] * grouped.get(slots[i], column);
              sum += term;
              size += Math.abs(term);
            }
          }
          expected[row][column] = sum;
          tolerance[row][column] = size * type.tolerance;
        }
      }
      memory.launch(
          "combine" + type.suffix(),
          rows,
          random.nextInt(1, 4),
          256,
          0,
          Set.of(out.buffer()),
          grouped,
          grouped.stride(),
          memory.ints(slots),
          memory.floats(weights),
          chosen,
          out,
          out.stride(),
          columns,
          accumulate);
      out.assertClose(expected, tolerance);
    }
  }
}
