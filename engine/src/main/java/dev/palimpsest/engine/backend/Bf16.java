package dev.palimpsest.engine.backend;

/** The upper half of an f32: sign, eight bits of exponent, seven of mantissa. */
public final class Bf16 {
  private Bf16() {}

  /** The number itself. */
  public static float toFloat(short bits) {
    return Float.intBitsToFloat(bits << 16);
  }

  /** Rounds to nearest, ties to even; NaN stays NaN. */
  public static short fromFloat(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) ((bits >>> 16) | 0x40);
    }
    int odd = (bits >>> 16) & 1;
    return (short) ((bits + 0x7FFF + odd) >>> 16);
  }
}
