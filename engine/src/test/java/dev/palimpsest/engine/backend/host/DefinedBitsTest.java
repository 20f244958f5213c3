package dev.palimpsest.engine.backend.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.device.Precision;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The operations have the bits of {@link Definition}: over random shapes with ragged ends, on any
 * number of threads, with every product that this machine has.
 */
@Tag("arithmetic")
class DefinedBitsTest {
  private static final int SEEDS = 40;
  private static final int SAMPLES = 300;
  private static final int MOST_ROWS = 4096;
  private static final long MOST_TERMS = 30_000_000;

  static Stream<Arguments> setupsAndSeeds() {
    return Setup.withSeeds(Setup.all().filter(setup -> setup.precision() == Precision.F32), SEEDS);
  }

  private static int upTo(SplittableRandom random, int most) {
    return switch (random.nextInt(3)) {
      case 0 -> random.nextInt(1, most + 1);
      case 1 -> (int) Math.pow(most, random.nextDouble());
      default -> Math.min(most, 16 * random.nextInt(1, 40) + random.nextInt(-1, 2));
    };
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void products(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = upTo(random, 300);
    int k = upTo(random, 5000);
    int columns = Math.clamp(MOST_TERMS / rows / k, 1, upTo(random, 5000));
    int before = random.nextInt(40);
    float[][] x = Step.random(random, rows, k);
    float[][] w = Step.random(random, before + columns + random.nextInt(40), k);
    float[][] sums = Step.random(random, rows, columns);
    float[][] stored = setup.stored(w);
    try (Step step = new Step(setup, random.nextInt(1, 5), MOST_ROWS)) {
      Activation in = step.put(x);
      Activation out = step.empty(rows, columns);
      step.backend.linear(in, step.weight(w), before, out);
      float[][] found = step.take(out);
      Activation sum = step.put(sums);
      step.backend.addLinear(in, step.weight(Arrays.copyOfRange(w, before, before + columns)), sum);
      float[][] added = step.take(sum);
      for (int i = 0; i < SAMPLES; i++) {
        // The corners, then any.
        int row = i < 4 ? i % 2 * (rows - 1) : random.nextInt(rows);
        int column = i < 4 ? i / 2 * (columns - 1) : random.nextInt(columns);
        float[] weight = stored[before + column];
        assertThat(found[row][column])
            .as("row %d of %d, column %d of %d, k %d", row, rows, column, columns, k)
            .isEqualTo(Definition.product(x[row], weight, Float.NaN));
        assertThat(added[row][column])
            .as("added: row %d of %d, column %d of %d, k %d", row, rows, column, columns, k)
            .isEqualTo(Definition.product(x[row], weight, sums[row][column]));
      }
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void normsAndActivations(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = random.nextInt(1, 40);
    int width = upTo(random, 600);
    float[][] x = Step.random(random, rows, 2 * width);
    float[] gain = Step.random(random, 1, 2 * width)[0];
    try (Step step = new Step(setup, random.nextInt(1, 5))) {
      Weight gains = step.vector(gain);
      Activation normed = step.empty(rows, 2 * width);
      Activation activated = step.empty(rows, width);
      step.backend.rmsNorm(step.put(x), gains, 1e-6, normed);
      step.backend.swiGlu(step.put(x), activated);
      float[][] norms = step.take(normed);
      float[][] products = step.take(activated);
      for (int row = 0; row < rows; row++) {
        assertThat(norms[row]).containsExactly(Definition.rmsNorm(x[row], gain, 1e-6));
        for (int i = 0; i < width; i++) {
          assertThat(products[row][i]).isEqualTo(Definition.swiGlu(x[row][i], x[row][width + i]));
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void capsGatesAndDistributions(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int rows = random.nextInt(1, 40);
    int width = upTo(random, 500);
    float[][] x = Step.random(random, rows, 2 * width);
    float[][] before = Step.random(random, rows, 2 * width);
    float[] gain = Step.random(random, 1, 2 * width)[0];
    float[][] head = Step.random(random, random.nextInt(1, 90), 2 * width);
    double cap = 0.5 + random.nextInt(5);
    double temperature = 0.3 + random.nextDouble();
    try (Step step = new Step(setup, random.nextInt(1, 5), MOST_ROWS)) {
      Activation activated = step.empty(rows, width);
      Activation capped = step.put(x);
      Activation sum = step.put(before);
      Activation shares = step.empty(rows, head.length);
      Activation few = step.empty(rows, 2 * width);
      int[] ids = random.ints(3L * rows, -1, head.length).toArray();
      float[] weights = Step.random(random, 1, ids.length)[0];
      step.backend.embed(ids, weights, step.weight(head), few);
      step.backend.geGlu(step.put(x), activated);
      step.backend.softCap(capped, cap);
      step.backend.addRmsNorm(step.put(x), step.vector(gain), 1e-6, sum);
      step.backend.scale(sum, step.vector(new float[] {-0.7f}), new int[rows]);
      step.backend.distribution(
          step.put(x), step.weight(head), OptionalDouble.of(cap), temperature, shares);
      float[][] gated = step.take(activated);
      float[][] caps = step.take(capped);
      float[][] sums = step.take(sum);
      float[][] found = step.take(shares);
      float[][] stored = setup.stored(head);
      float[][] embedded = step.take(few);
      for (int row = 0; row < rows; row++) {
        for (int i = 0; i < 2 * width; i++) {
          float weighed = 0;
          for (int at = 3 * row; at < 3 * row + 3; at++) {
            weighed = ids[at] < 0 ? weighed : Math.fma(weights[at], stored[ids[at]][i], weighed);
          }
          assertThat(embedded[row][i]).isEqualTo(weighed);
        }
        float[] normed = Definition.rmsNorm(x[row], gain, 1e-6);
        for (int i = 0; i < width; i++) {
          assertThat(gated[row][i]).isEqualTo(Definition.geGlu(x[row][i], x[row][width + i]));
        }
        for (int i = 0; i < 2 * width; i++) {
          assertThat(caps[row][i]).isEqualTo(Definition.softCap(x[row][i], (float) cap));
          assertThat(sums[row][i]).isEqualTo((before[row][i] + normed[i]) * -0.7f);
        }
        float[] logits = new float[head.length];
        for (int id = 0; id < logits.length; id++) {
          float logit = Definition.product(x[row], stored[id], Float.NaN);
          logits[id] = Definition.softCap(logit, (float) cap);
        }
        assertThat(found[row])
            .containsExactly(Definition.softmax(logits, (float) (1 / temperature)));
      }
    }
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("setupsAndSeeds")
  void attention(Setup setup, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    int size = 2 * random.nextInt(1, 70);
    int keyHeads = random.nextInt(1, 3);
    int heads = keyHeads * random.nextInt(1, 4);
    int keys = random.nextInt(3) == 0 ? random.nextInt(1, 700) : random.nextInt(1, 60);
    int queries = random.nextBoolean() ? random.nextInt(1, 5) : random.nextInt(1, keys + 1);
    float[][] q = Step.random(random, queries, heads * size);
    float[][] k = Step.random(random, keys, keyHeads * size);
    float[][] v = Step.random(random, keys, keyHeads * size);
    int[] limits = new int[queries];
    boolean isFull = random.nextBoolean();
    Arrays.setAll(limits, _ -> isFull ? keys : random.nextInt(1, keys + 1));
    int window = random.nextBoolean() ? Backend.ALL_KEYS : random.nextInt(1, keys + 1);
    try (Step step = new Step(setup, random.nextInt(1, 5))) {
      Activation out = step.empty(queries, heads * size);
      step.backend.attention(
          step.put(q),
          step.put(k),
          step.put(v),
          size,
          new int[] {0, queries},
          new int[] {0, keys},
          limits,
          window,
          out);
      float[][] found = step.take(out);
      for (int head = 0; head < heads; head++) {
        int at = head / (heads / keyHeads) * size;
        for (int row = 0; row < queries; row++) {
          float[] expected =
              Definition.attention(
                  Arrays.copyOfRange(q[row], head * size, (head + 1) * size),
                  columns(k, limits[row], at, size),
                  columns(v, limits[row], at, size),
                  Math.max(0, limits[row] - window));
          assertThat(Arrays.copyOfRange(found[row], head * size, (head + 1) * size))
              .as("head %d, query %d of %d, %d of %d keys", head, row, queries, limits[row], keys)
              .containsExactly(expected);
        }
      }
    }
  }

  private static float[][] columns(float[][] matrix, int rows, int first, int count) {
    return Arrays.stream(matrix, 0, rows)
        .map(row -> Arrays.copyOfRange(row, first, first + count))
        .toArray(float[][]::new);
  }

  @Test
  void theProductsOfEveryNumberOfRowsAreTheSame() {
    Setup[] setups =
        Setup.all().filter(each -> each.precision() == Precision.F32).toArray(Setup[]::new);
    SplittableRandom random = new SplittableRandom(3);
    float[][] x = Step.random(random, 150, 300);
    float[][] w = Step.random(random, 80, 300);
    for (Setup setup : setups) {
      try (Step step = new Step(setup, 2)) {
        Weight weight = step.weight(w);
        float[][] all = linear(step, x, weight);
        for (int rows = 1; rows <= x.length; rows++) {
          step.rewind();
          assertThat(linear(step, Arrays.copyOf(x, rows), weight))
              .as("%d rows, %s", rows, setup)
              .isDeepEqualTo(Arrays.copyOf(all, rows));
        }
      }
    }
  }

  private static float[][] linear(Step step, float[][] x, Weight weight) {
    Activation out = step.empty(x.length, weight.rows());
    step.backend.linear(step.put(x), weight, 0, out);
    return step.take(out);
  }

  @Test
  void aMachineThatRunsTheseTestsHasFma() {
    assertThatCode(Arithmetic::requireFma).doesNotThrowAnyException();
  }
}
