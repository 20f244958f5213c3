package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.ExpertWeights;
import dev.palimpsest.engine.backend.RowDraw;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.model.Experts;
import dev.palimpsest.engine.model.Router;
import dev.palimpsest.step.Draw;
import dev.palimpsest.step.SamplingFilter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every operation gives a row the same bits alone and in batches of 1 to 33, in any order, on any
 * number of threads, beside padding full of NaN.
 */
@Tag("arithmetic")
class BatchInvarianceTest {
  private static final String ALL = "dev.palimpsest.engine.backend.host.Setup#all";
  private static final int MOST_ITEMS = 33;
  private static final int MOST_THREADS = 3;
  private static final int[] NONE = {};

  /** An operation over chosen items; each item's result is comparable by equals. */
  private interface Operation {
    Function<int[], List<?>> on(Step step);
  }

  /** Items are rows of one matrix, and so are their results. */
  private interface RowOperation {
    Activation run(Step step, Activation x, int[] rows);
  }

  private static void assertIndependent(Setup setup, long seed, Operation operation) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Object> alone = new ArrayList<>();
    try (Step step = new Step(setup, 1)) {
      Function<int[], List<?>> run = operation.on(step);
      for (int item = 0; item < MOST_ITEMS; item++) {
        step.rewind();
        alone.add(run.apply(new int[] {item}).getFirst());
      }
    }
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
      try (Step step = new Step(setup, threads)) {
        Function<int[], List<?>> run = operation.on(step);
        for (int size = threads; size <= MOST_ITEMS; size += MOST_THREADS) {
          int[] items = random.ints(0, MOST_ITEMS).distinct().limit(size).toArray();
          step.rewind();
          List<?> found = run.apply(items);
          for (int i = 0; i < size; i++) {
            assertThat(found.get(i))
                .as("item %d, %d of %d, %d threads", items[i], i, size, threads)
                .isEqualTo(alone.get(items[i]));
          }
        }
      }
    }
  }

  private static Operation ofRows(float[][] x, Function<Step, RowOperation> prepare) {
    return step -> {
      Weight table = step.table(x);
      RowOperation operation = prepare.apply(step);
      return rows -> bits(step.take(operation.run(step, step.put(table, rows), rows)));
    };
  }

  private static List<List<Integer>> bits(float[][] rows) {
    return Arrays.stream(rows)
        .map(
            row ->
                IntStream.range(0, row.length)
                    .mapToObj(i -> Float.floatToRawIntBits(row[i]))
                    .toList())
        .toList();
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void linear(Setup setup) {
    SplittableRandom random = new SplittableRandom(1);
    int[][] shapes = {{1, 1}, {7, 9}, {64, 200}, {100, 129}, {512, 64}, {1030, 40}, {4096, 20}};
    for (int[] shape : shapes) {
      float[][] w = Step.random(random, shape[1], shape[0]);
      assertIndependent(
          setup,
          shape[0],
          ofRows(
              Step.random(random, MOST_ITEMS, shape[0]),
              preparing -> {
                Weight weight = preparing.weight(w);
                return (step, x, _) -> {
                  Activation out = step.empty(x.rows(), w.length);
                  step.backend.linear(x, weight, 0, out);
                  return out;
                };
              }));
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void addLinear(Setup setup) {
    SplittableRandom random = new SplittableRandom(2);
    for (int[] shape : new int[][] {{9, 7}, {172, 130}, {4096, 40}}) {
      float[][] w = Step.random(random, shape[1], shape[0]);
      float[][] before = Step.random(random, MOST_ITEMS, shape[1]);
      assertIndependent(
          setup,
          shape[0],
          ofRows(
              Step.random(random, MOST_ITEMS, shape[0]),
              preparing -> {
                Weight weight = preparing.weight(w);
                Weight sums = preparing.table(before);
                return (step, x, rows) -> {
                  Activation sum = step.put(sums, rows);
                  step.backend.addLinear(x, weight, sum);
                  return sum;
                };
              }));
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void rmsNorm(Setup setup) {
    SplittableRandom random = new SplittableRandom(3);
    for (int width : new int[] {5, 64, 1001}) {
      float[] gain = Step.random(random, 1, width)[0];
      assertIndependent(
          setup,
          width,
          ofRows(
              Step.random(random, MOST_ITEMS, width),
              preparing -> {
                Weight gains = preparing.vector(gain);
                return (step, x, _) -> {
                  step.backend.rmsNorm(x, gains, 1e-5, x);
                  return x;
                };
              }));
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void rotate(Setup setup) {
    SplittableRandom random = new SplittableRandom(4);
    for (int headSize : new int[] {2, 22, 64}) {
      float[][] angles = Step.random(random, MOST_ITEMS, headSize);
      assertIndependent(
          setup,
          headSize,
          ofRows(
              Step.random(random, MOST_ITEMS, 3 * headSize),
              preparing -> {
                Weight table = preparing.table(angles);
                return (step, x, rows) -> {
                  step.backend.rotate(x, headSize, rows, table);
                  return x;
                };
              }));
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void swiGlu(Setup setup) {
    SplittableRandom random = new SplittableRandom(5);
    for (int inner : new int[] {3, 64, 301}) {
      assertIndependent(
          setup,
          inner,
          ofRows(
              Step.random(random, MOST_ITEMS, 2 * inner),
              _ ->
                  (step, x, _) -> {
                    Activation out = step.empty(x.rows(), inner);
                    step.backend.swiGlu(x, out);
                    return out;
                  }));
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void experts(Setup setup) {
    SplittableRandom random = new SplittableRandom(9);
    for (Experts experts :
        List.of(
            new Experts(4, 2, 30, new Router.Softmax(true)),
            new Experts(16, 4, 130, new Router.GroupedSigmoid(4, 2, true, 2.5)))) {
      int hidden = 70;
      float[][] router = Step.random(random, experts.count(), hidden);
      float[] bias = Step.random(random, 1, experts.count())[0];
      float[][] gateUp = Step.random(random, experts.count() * 2 * experts.width(), hidden);
      float[][] down = Step.random(random, experts.count() * hidden, experts.width());
      assertIndependent(
          setup,
          experts.count(),
          ofRows(
              Step.random(random, MOST_ITEMS, hidden),
              preparing -> {
                Weight routed = preparing.exactWeight(router);
                ExpertWeights weights =
                    new ExpertWeights(
                        Optional.of(preparing.vector(bias)),
                        preparing.weight(gateUp),
                        preparing.weight(down));
                return (step, x, _) -> {
                  Activation outputs = step.empty(x.rows(), experts.perToken() * hidden);
                  Activation sum = step.put(new float[x.rows()][hidden]);
                  step.backend.addExperts(x, routed, experts, weights, outputs, sum);
                  return sum;
                };
              }));
    }
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void vocabulary(Setup setup) {
    SplittableRandom random = new SplittableRandom(6);
    for (int[] shape : new int[][] {{64, 300}, {33, 64 * 128 + 200}}) {
      float[][] x = Step.random(random, MOST_ITEMS, shape[0]);
      float[][] head = Step.random(random, shape[1], shape[0]);
      List<RowDraw> draws = new ArrayList<>();
      for (int row = 0; row < MOST_ITEMS; row++) {
        draws.add(
            new RowDraw(
                new Draw(
                    row % 3 * 0.7,
                    row % 5 == 2
                        ? Optional.of(
                            new SamplingFilter(row % 2 == 0 ? 40 : Integer.MAX_VALUE, 0.9))
                        : Optional.empty(),
                    row,
                    1,
                    row % 2 == 0 ? NONE : new int[] {5, row},
                    NONE),
                row));
      }
      assertIndependent(
          setup,
          shape[0],
          step -> {
            Weight rows = step.table(x);
            Weight weight = step.weight(head);
            return items ->
                step.backend.vocabulary(
                    step.put(rows, items),
                    weight,
                    Arrays.stream(items).mapToObj(draws::get).toList());
          });
    }
  }

  /** The items are sequences, of 1 to 40 tokens, two of them longer than a tile of keys. */
  @ParameterizedTest
  @MethodSource(ALL)
  void attention(Setup setup) {
    SplittableRandom random = new SplittableRandom(7);
    int[] lengths = random.ints(MOST_ITEMS, 1, 41).toArray();
    lengths[4] = 131;
    lengths[20] = 270;
    int[] starts = new int[MOST_ITEMS + 1];
    for (int i = 0; i < MOST_ITEMS; i++) {
      starts[i + 1] = starts[i] + lengths[i];
    }
    for (int headSize : new int[] {6, 32}) {
      int keyHeads = 2;
      int width = 2 * keyHeads * headSize;
      float[][] qkv = Step.random(random, starts[MOST_ITEMS], 2 * width);
      assertIndependent(
          setup,
          headSize,
          step -> {
            Weight table = step.table(qkv);
            return items -> attend(step, table, starts, items, headSize);
          });
    }
  }

  private static List<?> attend(
      Step step, Weight table, int[] starts, int[] sequences, int headSize) {
    int[] batchStarts = new int[sequences.length + 1];
    IntStream.Builder rows = IntStream.builder();
    for (int i = 0; i < sequences.length; i++) {
      int sequence = sequences[i];
      IntStream.range(starts[sequence], starts[sequence + 1]).forEach(rows);
      batchStarts[i + 1] = batchStarts[i] + starts[sequence + 1] - starts[sequence];
    }
    Activation x = step.put(table, rows.build().toArray());
    int width = 4 * headSize;
    Activation out = step.empty(x.rows(), width);
    step.backend.attention(
        x.columns(0, width),
        x.columns(width, width / 2),
        x.columns(width + width / 2, width / 2),
        headSize,
        batchStarts,
        batchStarts,
        Step.everyKey(batchStarts, batchStarts),
        Backend.ALL_KEYS,
        out);
    List<List<Integer>> all = bits(step.take(out));
    List<Object> result = new ArrayList<>();
    for (int i = 0; i < sequences.length; i++) {
      result.add(all.subList(batchStarts[i], batchStarts[i + 1]));
    }
    return result;
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void aQueryAttendsTheSameWhicheverOthersOfItsSequenceAreAsked(Setup setup) {
    int length = 140;
    assertAttendsTheSame(setup, IntStream.generate(() -> length).limit(length).toArray());
  }

  @ParameterizedTest
  @MethodSource(ALL)
  void aQueryAttendsTheSameWhateverOthersSee(Setup setup) {
    assertAttendsTheSame(setup, IntStream.rangeClosed(1, 270).toArray());
  }

  private static void assertAttendsTheSame(Setup setup, int[] limits) {
    SplittableRandom random = new SplittableRandom(8);
    int headSize = 10;
    int length = limits.length;
    float[][] q = Step.random(random, length, 2 * headSize);
    float[][] k = Step.random(random, length, headSize);
    float[][] v = Step.random(random, length, headSize);
    try (Step step = new Step(setup, 2)) {
      Weight queries = step.table(q);
      Weight keys = step.table(k);
      Weight values = step.table(v);
      List<List<Integer>> all = List.of();
      for (int size : new int[] {length, 1, 2, 31, 32, 33, 100}) {
        int[] rows =
            size == length
                ? IntStream.range(0, length).toArray()
                : random.ints(0, length).distinct().limit(size).sorted().toArray();
        int[] every = IntStream.range(0, length).toArray();
        step.rewind();
        Activation out = step.empty(size, 2 * headSize);
        step.backend.attention(
            step.put(queries, rows),
            step.put(keys, every),
            step.put(values, every),
            headSize,
            new int[] {0, size},
            new int[] {0, length},
            Arrays.stream(rows).map(row -> limits[row]).toArray(),
            Backend.ALL_KEYS,
            out);
        List<List<Integer>> found = bits(step.take(out));
        if (size == length) {
          all = found;
        }
        for (int i = 0; i < size; i++) {
          assertThat(found.get(i))
              .as("query %d among %d", rows[i], size)
              .isEqualTo(all.get(rows[i]));
        }
      }
    }
  }
}
