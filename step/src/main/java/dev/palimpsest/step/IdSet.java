package dev.palimpsest.step;

import java.util.Arrays;
import java.util.BitSet;

/** Some ids of a vocabulary, a bit for each. It never changes. */
public final class IdSet {
  private final long[] words;

  private IdSet(long[] words) {
    this.words = words;
  }

  /** The ids whose bits are set; copied. */
  public static IdSet of(BitSet ids) {
    return new IdSet(ids.toLongArray());
  }

  /** These ids, from 0 on. */
  public static IdSet of(int... ids) {
    BitSet bits = new BitSet();
    for (int id : ids) {
      bits.set(id);
    }
    return of(bits);
  }

  /** Whether an id is one of them. */
  public boolean contains(int id) {
    return id >> 6 < words.length && (words[id >> 6] >>> id & 1) != 0;
  }

  /**
   * Which of the ids {@code [32 · index, 32 · index + 32)} are among them, the lowest bit first.
   */
  public int word(int index) {
    return index >> 1 < words.length ? (int) (words[index >> 1] >>> (32 * (index & 1))) : 0;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof IdSet set && Arrays.equals(words, set.words);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(words);
  }

  @Override
  public String toString() {
    return BitSet.valueOf(words).toString();
  }
}
