package dev.palimpsest.engine.model;

import java.util.Optional;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Rotary positions (Su et al., 2021): the first {@code size} dimensions of a head are rotated, half
 * against half; the others pass.
 *
 * @param theta base of the frequencies
 * @param size rotated dimensions of a head, even
 * @param scaling of the frequencies
 * @param growth of queries with their position, where the model has one; the whole head is rotated
 *     then
 */
public record Rotary(double theta, int size, RotaryScaling scaling, Optional<Growth> growth) {

  /** Positions by which queries do not grow. */
  public Rotary(double theta, int size, RotaryScaling scaling) {
    this(theta, size, scaling, Optional.empty());
  }

  /**
   * A query at position p is multiplied by {@code 1 + beta · ln(1 + floor(p / trainedLength))}
   * (Llama 4, Ministral 3): by nothing up to the trained length.
   *
   * @param beta {@code llama_4_scaling_beta}
   * @param trainedLength {@code original_max_position_embeddings}
   */
  public record Growth(double beta, int trainedLength) {
    double at(int position) {
      return 1 + beta * StrictMath.log(1 + position / trainedLength);
    }
  }

  /** The angle that each of the {@code size / 2} pairs turns by from one position to the next. */
  public double[] frequencies() {
    double[] frequencies = new double[size / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = 1 / StrictMath.pow(theta, 2.0 * i / size);
    }
    return scaling.scaled(frequencies, theta);
  }

  /**
   * Cosines of the pairs, then sines, by position: [positions, size]. Angles are products in f32,
   * as in the reference implementations.
   */
  public float[] table(int positions) {
    return table(positions, _ -> 1);
  }

  /** Columns of its tables: queries that grow have one of their own. */
  int columns() {
    return growth.isPresent() ? 2 * size : size;
  }

  /** The same, of queries that grow. */
  public float[] queryTable(int positions) {
    return growth.map(each -> table(positions, each::at)).orElseGet(() -> table(positions));
  }

  private float[] table(int positions, IntToDoubleFunction factor) {
    double[] frequencies = frequencies();
    float[] table = new float[positions * size];
    IntStream.range(0, positions)
        .parallel()
        .forEach(
            position ->
                fill(
                    table,
                    position,
                    frequencies,
                    scaling.magnitude() * factor.applyAsDouble(position)));
    return table;
  }

  private void fill(float[] table, int position, double[] frequencies, double magnitude) {
    int pairs = size / 2;
    for (int i = 0; i < pairs; i++) {
      float angle = position * (float) frequencies[i];
      table[position * size + i] = (float) (StrictMath.cos(angle) * magnitude);
      table[position * size + pairs + i] = (float) (StrictMath.sin(angle) * magnitude);
    }
  }
}
