package dev.palimpsest.engine.model;

/**
 * Rotary positions (Su et al., 2021): the first {@code size} dimensions of a head are rotated, half
 * against half; the others pass.
 *
 * @param theta base of the frequencies
 * @param size rotated dimensions of a head, even
 * @param scaling of the frequencies
 */
public record Rotary(double theta, int size, RotaryScaling scaling) {

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
    double[] frequencies = frequencies();
    double magnitude = scaling.magnitude();
    int pairs = size / 2;
    float[] table = new float[positions * size];
    for (int position = 0; position < positions; position++) {
      for (int i = 0; i < pairs; i++) {
        float angle = position * (float) frequencies[i];
        table[position * size + i] = (float) (StrictMath.cos(angle) * magnitude);
        table[position * size + pairs + i] = (float) (StrictMath.sin(angle) * magnitude);
      }
    }
    return table;
  }
}
