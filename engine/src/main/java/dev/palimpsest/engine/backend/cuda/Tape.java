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

  private static final int NO_MARK = -1;

  private long[] words = new long[1 << 12];
  private int used;
  private int mark = NO_MARK;
  private int hash;
  private int hashToMark;

  void clear() {
    used = 0;
    mark = NO_MARK;
    hash = 0;
  }

  /** Begins the second part of the tape, if it has not begun. */
  void mark() {
    if (mark == NO_MARK) {
      mark = used;
      hashToMark = hash;
      hash = 0;
    }
  }

  /** Where the second part begins; the end if it has none. */
  int second() {
    return mark == NO_MARK ? used : mark;
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
   * What is on the first part of the tape, to find a graph by; {@code extra} are further numbers
   * that tell. It means something until the tape changes; {@link Key#copy} outlives that.
   */
  Key first(long... extra) {
    return new Key(words, 0, second(), extra, mark == NO_MARK ? hash : hashToMark);
  }

  /** The same of the second part. */
  Key second(long... extra) {
    return new Key(words, second(), used, extra, mark == NO_MARK ? 0 : hash);
  }

  /** A part of a tape, by value: the words {@code [from, to)}. */
  record Key(long[] words, int from, int to, long[] extra, int hash) {
    Key copy() {
      return new Key(Arrays.copyOfRange(words, from, to), 0, to - from, extra.clone(), hash);
    }

    boolean isEmpty() {
      return from == to;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Key key
          && key.hash == hash
          && Arrays.equals(key.extra, extra)
          && Arrays.equals(key.words, key.from, key.to, words, from, to);
    }

    @Override
    public int hashCode() {
      return 31 * hash + Arrays.hashCode(extra);
    }
  }
}
