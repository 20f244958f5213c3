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

  /** What is on the tape, to find a graph by; {@code extra} are further numbers that tell. */
  Key key(long... extra) {
    long[] all = Arrays.copyOf(words, used + extra.length);
    System.arraycopy(extra, 0, all, used, extra.length);
    return new Key(all, Arrays.hashCode(all));
  }

  /** A tape's content, by value. */
  record Key(long[] words, int hash) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Key key && key.hash == hash && Arrays.equals(key.words, words);
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }
}
