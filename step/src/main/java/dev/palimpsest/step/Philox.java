package dev.palimpsest.step;

/**
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC'11): a counter-based generator, so that a number depends only on where it is used.
 *
 * <p>The key is the request's seed; the counter is (index, position, step, purpose).
 */
public final class Philox {
  /**
   * What a random number is for: the last word of the counter. Whoever draws numbers registers its
   * own; no two are equal.
   *
   * @param code 0 or above; {@link #GUMBEL} has 0
   */
  public record Purpose(int code) {
    /** Gumbel noise of a token; the index is the token id / 4, its lane the id mod 4. */
    public static final Purpose GUMBEL = new Purpose(0);
  }

  private static final int M0 = 0xD2511F53;
  private static final int M1 = 0xCD9E8D57;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;

  private Philox() {}

  /** Writes the four words of one block into {@code out[0..3]}. */
  public static void block(int c0, int c1, int c2, int c3, int k0, int k1, int[] out) {
    for (int round = 0; round < 10; round++) {
      long p0 = (M0 & 0xFFFFFFFFL) * (c0 & 0xFFFFFFFFL);
      long p1 = (M1 & 0xFFFFFFFFL) * (c2 & 0xFFFFFFFFL);
      c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      c1 = (int) p1;
      c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c3 = (int) p0;
      k0 += W0;
      k1 += W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
  }

  /** The four words for one use of {@code seed}, into {@code out[0..3]}. */
  public static void block(
      long seed, int step, int position, Purpose purpose, int index, int[] out) {
    block(index, position, step, purpose.code, (int) seed, (int) (seed >>> 32), out);
  }

  /** The one uniform number that a position has for a purpose at a step. */
  public static double uniform(long seed, int step, int position, Purpose purpose) {
    int[] words = new int[4];
    block(seed, step, position, purpose, 0, words);
    return uniform(words[0]);
  }

  /** A uniform number in the open interval (0, 1), with 32 bits of resolution. */
  public static double uniform(int word) {
    return ((word & 0xFFFFFFFFL) + 0.5) * 0x1p-32;
  }
}
