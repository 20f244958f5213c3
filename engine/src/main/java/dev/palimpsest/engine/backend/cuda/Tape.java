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
  private int hash;

  void clear() {
    used = 0;
    hash = 0;
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
    hash = 31 * hash + Long.hashCode(word);
    return this;
  }

  /**
   * What is on the tape, to find a graph by; {@code extra} are further numbers that tell. It means
   * something until the tape changes; {@link Key#copy} outlives that.
   */
  Key key(long... extra) {
    int length = used;
    int ofTape = hash;
    for (long word : extra) {
      add(word);
    }
    Key key = new Key(words, used, hash);
    used = length;
    hash = ofTape;
    return key;
  }

  /** A tape's content, by value: the first {@code length} words. */
  record Key(long[] words, int length, int hash) {
    Key copy() {
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
