package dev.palimpsest.engine.forward;

import java.util.Arrays;

/** Numbers in the order in which they were added; an array of the right size is never copied. */
final class IntList {
  private static final int LEAST = 16;

  private int[] items;
  private int size;

  /**
   * An empty list.
   *
   * @param expected how many numbers there will likely be
   */
  IntList(int expected) {
    items = new int[expected];
  }

  void add(int item) {
    if (size == items.length) {
      items = Arrays.copyOf(items, Math.max(LEAST, 2 * size));
    }
    items[size++] = item;
  }

  /** The numbers; nothing may be added afterwards. */
  int[] toArray() {
    return size == items.length ? items : Arrays.copyOf(items, size);
  }
}
