package dev.palimpsest.sampler.canvas;

import java.util.Arrays;

/**
 * The ids that a step found most probable, of positions that follow one another: tokens that the
 * next step may be told, beside those that stand on the canvas.
 *
 * @param first the first position
 * @param ids from there on
 */
public record Drafts(int first, int[] ids) {
  /** No drafts. */
  public static final Drafts NONE = new Drafts(0, new int[0]);

  /** Takes its own copy. */
  public Drafts {
    ids = ids.clone();
  }

  /** A copy of the ids. */
  @Override
  public int[] ids() {
    return ids.clone();
  }

  /** Whether there are none. */
  public boolean isEmpty() {
    return ids.length == 0;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Drafts that && first == that.first && Arrays.equals(ids, that.ids);
  }

  @Override
  public int hashCode() {
    return 31 * first + Arrays.hashCode(ids);
  }
}
