package dev.palimpsest.engine.forward;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Which slots of the KV cache belong to which tokens: a tree of pages, in which a path from a root
 * spells a prefix of tokens.
 *
 * <p>A token's slot is found by comparing every token before it, so what is found is always of
 * exactly that prefix. A prefix of two sequences is stored once, as far as it fills whole pages.
 * Pages that nothing continues are evicted, the longest unused first; a page that the current step
 * uses is not. What a step writes becomes visible when the step commits.
 */
final class PrefixCache {
  private final int pageTokens;
  private final int unit;
  private final Map<Integer, Page> roots = new HashMap<>();
  private final Deque<Integer> free = new ArrayDeque<>();
  private final int capacity;
  private final TreeSet<Page> leaves =
      new TreeSet<>(
          Comparator.<Page>comparingLong(page -> page.lastUsed)
              .thenComparingInt(page -> page.index));
  private final List<Page> open = new ArrayList<>();
  private int made;
  private long step;

  /**
   * An empty cache.
   *
   * @param capacity pages
   * @param pageTokens tokens of a page, a multiple of the unit
   * @param unit leading tokens are found in multiples of this: the block whose keys depend on each
   *     other
   */
  PrefixCache(int capacity, int pageTokens, int unit) {
    this.capacity = capacity;
    this.pageTokens = pageTokens;
    this.unit = unit;
  }

  private static final class Page {
    final int index;
    final Page parent;
    final int[] tokens;
    final Map<Integer, List<Page>> children = new HashMap<>();
    int written;
    int reserved;
    long lastUsed;

    /** A root holds no tokens and is its own parent. */
    Page() {
      index = -1;
      parent = this;
      tokens = new int[0];
    }

    Page(int index, Page parent, int size) {
      this.index = index;
      this.parent = parent;
      tokens = new int[size];
    }

    boolean isLeaf() {
      return children.isEmpty();
    }
  }

  /** Tokens of a sequence, ascending, whose keys and values go into slots. */
  record Reservation(int[] indices, int[] slots) {
    /** A reservation of no tokens. */
    static final Reservation NONE = new Reservation(new int[0], new int[0]);

    /** The first of its tokens; beyond every token if it has none. */
    int first() {
      return indices.length == 0 ? Integer.MAX_VALUE : indices[0];
    }
  }

  /** Pages that hold tokens. */
  int pagesUsed() {
    return made - free.size();
  }

  /** Pages that there is room for. */
  int capacity() {
    return capacity;
  }

  /** Forgets every token, between two steps. */
  void clear() {
    roots.clear();
    leaves.clear();
    free.clear();
    made = 0;
  }

  /** Begins a step. */
  void begin() {
    step++;
  }

  /**
   * The slots of the longest prefix that is cached.
   *
   * @param firstPosition the rotary position of the first token
   * @param cacheable tokens that may be looked up, a multiple of the unit
   */
  int[] find(int[] tokens, int firstPosition, int cacheable) {
    int[] slots = new int[cacheable];
    int at = 0;
    Page page = root(firstPosition);
    int common = pageTokens;
    while (common == pageTokens && at < cacheable) {
      Page child = closest(page, tokens, at, cacheable, false);
      common = child == page ? 0 : common(child, child.written, tokens, at, cacheable);
      if (common > 0) {
        touch(child);
        for (int i = 0; i < common; i++) {
          slots[at + i] = child.index * pageTokens + i;
        }
        at += common;
        page = child;
      }
    }
    return Arrays.copyOf(slots, at);
  }

  /**
   * Makes room for the tokens of a prefix that have none yet, as long as there is any.
   *
   * @param firstPosition the rotary position of the first token
   * @param cacheable tokens to be cached, a multiple of the unit
   */
  Reservation reserve(int[] tokens, int firstPosition, int cacheable) {
    List<int[]> room = new ArrayList<>();
    Page page = root(firstPosition);
    int at = 0;
    while (at < cacheable) {
      Page child = closest(page, tokens, at, cacheable, true);
      int common = child == page ? 0 : common(child, child.reserved, tokens, at, cacheable);
      if (common < Math.min(pageTokens, cacheable - at)) {
        boolean continues = common > 0 && common == child.reserved;
        if (!continues) {
          int index = take();
          if (index < 0) {
            break;
          }
          child = append(page, index, tokens[at]);
          common = 0;
        }
        int end = Math.min(pageTokens, cacheable - at);
        for (int i = common; i < end; i++) {
          child.tokens[i] = tokens[at + i];
          room.add(new int[] {at + i, child.index * pageTokens + i});
        }
        if (child.reserved == child.written) {
          open.add(child);
        }
        child.reserved = end;
      }
      touch(child);
      at += Math.min(pageTokens, cacheable - at);
      page = child;
    }
    return new Reservation(
        room.stream().mapToInt(pair -> pair[0]).toArray(),
        room.stream().mapToInt(pair -> pair[1]).toArray());
  }

  /** What was reserved has been written. */
  void commit() {
    open.forEach(page -> page.written = page.reserved);
    open.clear();
  }

  /** Nothing of what was reserved has been written. */
  void abort() {
    for (Page page : open.reversed()) {
      page.reserved = page.written;
      if (page.written == 0) {
        remove(page);
      }
    }
    open.clear();
  }

  private Page root(int firstPosition) {
    return roots.computeIfAbsent(firstPosition, _ -> new Page());
  }

  /** The child that shares most tokens, the first of equals; the page itself if none shares any. */
  private Page closest(Page page, int[] tokens, int at, int cacheable, boolean reserved) {
    Page best = page;
    int most = 0;
    for (Page child : page.children.getOrDefault(tokens[at], List.of())) {
      int common = common(child, reserved ? child.reserved : child.written, tokens, at, cacheable);
      if (common > most) {
        best = child;
        most = common;
      }
    }
    return best;
  }

  /** Equal leading tokens, in whole units. */
  private int common(Page page, int filled, int[] tokens, int at, int cacheable) {
    int most = Math.min(filled, cacheable - at);
    int different = Arrays.mismatch(page.tokens, 0, most, tokens, at, at + most);
    return (different < 0 ? most : different) / unit * unit;
  }

  private void touch(Page page) {
    boolean leaf = leaves.remove(page);
    page.lastUsed = step;
    if (leaf) {
      leaves.add(page);
    }
  }

  private Page append(Page parent, int index, int firstToken) {
    Page page = new Page(index, parent, pageTokens);
    page.tokens[0] = firstToken;
    page.lastUsed = step;
    leaves.remove(parent);
    parent.children.computeIfAbsent(firstToken, _ -> new ArrayList<>()).add(page);
    leaves.add(page);
    return page;
  }

  /** A page's index, or -1 if every page is in use by this step. */
  private int take() {
    if (!free.isEmpty()) {
      return free.pop();
    }
    if (made < capacity) {
      return made++;
    }
    if (leaves.isEmpty() || leaves.first().lastUsed == step) {
      return -1;
    }
    remove(leaves.first());
    return free.pop();
  }

  private void remove(Page page) {
    leaves.remove(page);
    List<Page> siblings = page.parent.children.getOrDefault(page.tokens[0], List.of());
    siblings.remove(page);
    if (siblings.isEmpty()) {
      page.parent.children.remove(page.tokens[0]);
    }
    if (page.parent.isLeaf() && page.parent.index >= 0) {
      leaves.add(page.parent);
    }
    free.push(page.index);
  }
}
