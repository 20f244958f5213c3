package dev.palimpsest.engine.backend.cuda;

import java.util.Arrays;

/**
 * The operations of a step in the order of their calls, as numbers: two steps with equal tapes
 * differ in nothing but their input.
 */
final class Tape {
  /** What an entry is: a kernel's launch, or a product. */
  static final int KERNEL = 0;

  static final int PRODUCT = 1;

  private static final long FACTOR = 0x9E3779B97F4A7C15L;

  private final Key key = new Key(new long[0], 0, 0);
  private long[] words = new long[1 << 12];
  private int used;

  void clear() {
    used = 0;
  }

  int length() {
    return used;
  }

  long word(int index) {
    return words[index];
  }

  /** Adds one number. */
  Tape add(long word) {
    if (used == words.length) {
      words = Arrays.copyOf(words, 2 * used);
    }
    words[used++] = word;
    return this;
  }

  /**
   * What is on the tape, to find a graph by, and some further numbers that tell; until the tape
   * changes.
   */
  Key key(long input, long inputBytes, long results, long resultBytes) {
    int length = used;
    add(input).add(inputBytes).add(results).add(resultBytes);
    used = length;
    key.words = words;
    key.length = length + 4;
    key.hash = hash(words, key.length);
    return key;
  }

  /** Four sums side by side: one would wait for itself. */
  private static int hash(long[] words, int length) {
    long a = length;
    long b = 1;
    long c = 2;
    long d = 3;
    int i = 0;
    for (; i + 4 <= length; i += 4) {
      a = FACTOR * (a ^ words[i]);
      b = FACTOR * (b ^ words[i + 1]);
      c = FACTOR * (c ^ words[i + 2]);
      d = FACTOR * (d ^ words[i + 3]);
    }
    for (; i < length; i++) {
      a = FACTOR * (a ^ words[i]);
    }
    return Long.hashCode((((((a * FACTOR) ^ b) * FACTOR) ^ c) * FACTOR) ^ d);
  }

  /** A tape's content, by value. */
  static final class Key {
    private long[] words;
    private int length;
    private int hash;

    private Key(long[] words, int length, int hash) {
      this.words = words;
      this.length = length;
      this.hash = hash;
    }

    /** The same content, which stays when the tape changes. */
    Key kept() {
      return new Key(Arrays.copyOf(words, length), length, hash);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key key
          && key.hash == hash
          && Arrays.equals(key.words, 0, key.length, words, 0, length);
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }
}
