package dev.palimpsest.engine.model;

/** Where a block has RMS norms. */
public enum BlockNorms {
  /** Before attention and before the feed-forward: two. */
  BEFORE(1),
  /**
   * Also of what attention and the feed-forward give, before it is added to the residual stream:
   * four. Where experts stand beside a dense feed-forward, each of the two has a norm before and
   * after it besides: seven.
   */
  BEFORE_AND_AFTER(2);

  private final int around;

  BlockNorms(int around) {
    this.around = around;
  }

  /** Whether what is added to the residual stream is normalized. */
  public boolean areAfter() {
    return this == BEFORE_AND_AFTER;
  }

  /** Norms of a block. */
  int count(boolean hasBranches) {
    return 2 * around + (areAfter() && hasBranches ? 3 : 0);
  }
}
