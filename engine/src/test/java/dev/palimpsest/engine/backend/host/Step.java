package dev.palimpsest.engine.backend.host;

import dev.palimpsest.engine.backend.Activation;
import dev.palimpsest.engine.backend.Bf16;
import dev.palimpsest.engine.backend.StepArena;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.DType;
import dev.palimpsest.engine.checkpoint.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A backend and the memory of one step, which is full of NaN where nothing was put: an operation
 * that leaves an element out, or reads what nobody wrote, shows.
 */
final class Step implements AutoCloseable {
  private static final int WIDTH = 1024;
  private static final int ROWS = 1024;

  final HostBackend backend;
  private final DType published;
  private final StepArena arena;
  private final Weight poison;
  private final int poisoned;

  Step(Setup setup, int threads) {
    this(setup, threads, ROWS);
  }

  /** Memory for so many rows of 1,024. */
  Step(Setup setup, int threads, int rows) {
    poisoned = rows;
    backend = setup.backend(threads);
    published = setup.published();
    arena = new StepArena(backend::paddedRows);
    float[] values = new float[WIDTH];
    Arrays.fill(values, Float.NaN);
    poison = backend.table(1, WIDTH, values);
    backend.begin((long) WIDTH * rows);
    rewind();
  }

  /** Forgets and poisons every activation. */
  void rewind() {
    arena.rewind();
    backend.embed(new int[poisoned], poison, new Activation(0, poisoned, WIDTH, WIDTH));
  }

  /** A matrix of NaN. */
  Activation empty(int rows, int columns) {
    return arena.allocate(rows, columns);
  }

  Activation put(float[][] values) {
    return put(table(values), IntStream.range(0, values.length).toArray());
  }

  /** Rows of a table that the backend holds. */
  Activation put(Weight table, int[] rows) {
    Activation result = arena.allocate(rows.length, table.columns());
    backend.embed(rows, table, result);
    return result;
  }

  float[][] take(Activation x) {
    float[] flat = backend.read(x);
    float[][] result = new float[x.rows()][];
    for (int row = 0; row < x.rows(); row++) {
      result[row] = Arrays.copyOfRange(flat, row * x.columns(), (row + 1) * x.columns());
    }
    return result;
  }

  Weight table(float[][] values) {
    return backend.table(values.length, values[0].length, flat(values));
  }

  Weight weight(float[][] values) {
    return backend.weight(List.of(tensor(published, values)));
  }

  Weight exactWeight(float[][] values) {
    return backend.exactWeight(List.of(tensor(DType.F32, values)));
  }

  /** A vector of parts of any lengths. */
  Weight vector(float[]... parts) {
    return backend.weight(
        Arrays.stream(parts)
            .map(
                part ->
                    new Tensor(
                        "vector",
                        DType.F32,
                        List.of((long) part.length),
                        MemorySegment.ofArray(part.clone())))
            .toList());
  }

  /** Tensors of the setup's type, stacked. */
  Weight weights(float[][]... parts) {
    return backend.weight(Arrays.stream(parts).map(part -> tensor(published, part)).toList());
  }

  static Tensor tensor(DType type, float[][] values) {
    float[] flat = flat(values);
    MemorySegment data = MemorySegment.ofArray(flat);
    if (type == DType.BF16) {
      short[] halves = new short[flat.length];
      for (int i = 0; i < flat.length; i++) {
        halves[i] = Bf16.fromFloat(flat[i]);
      }
      data = MemorySegment.ofArray(halves);
    }
    return new Tensor("weight", type, List.of((long) values.length, (long) values[0].length), data);
  }

  private static float[] flat(float[][] values) {
    int columns = values[0].length;
    float[] flat = new float[values.length * columns];
    for (int row = 0; row < values.length; row++) {
      System.arraycopy(values[row], 0, flat, row * columns, columns);
    }
    return flat;
  }

  /** The limits of queries that see every key of their sequence. */
  static int[] everyKey(int[] queryStarts, int[] keyStarts) {
    int[] limits = new int[queryStarts[queryStarts.length - 1]];
    for (int i = 0; i + 1 < queryStarts.length; i++) {
      Arrays.fill(limits, queryStarts[i], queryStarts[i + 1], keyStarts[i + 1] - keyStarts[i]);
    }
    return limits;
  }

  /** Normally distributed numbers. */
  static float[][] random(SplittableRandom random, int rows, int columns) {
    float[][] result = new float[rows][columns];
    for (float[] row : result) {
      for (int i = 0; i < columns; i++) {
        row[i] = (float) random.nextGaussian();
      }
    }
    return result;
  }

  @Override
  public void close() {
    backend.close();
  }
}
