package dev.palimpsest.app.batch;

import java.util.OptionalInt;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;

/**
 * How many rows are under way at once. If nobody says, it is found by climbing: the number doubles
 * as long as that gives clearly more tokens a second, then one between the last two is tried, and
 * the best stays. Results do not depend on it.
 */
final class AtOnce implements IntSupplier {
  private static final int FIRST = 8;
  private static final int MOST = 1024;
  private static final double CLEARLY = 1.02;
  private static final long WINDOW_NANOS = 500_000_000L;

  private final LongSupplier nanoClock;
  private final Choice said;
  private int tried;
  private int best;
  private double bestRate;
  private boolean refines;
  private boolean chosen;
  private int live;
  private int steps;
  private int ended;
  private long tokens;
  private long since;

  /**
   * A number.
   *
   * @param fixed the number, if somebody says
   * @param said is told of the number that was found
   */
  AtOnce(OptionalInt fixed, LongSupplier nanoClock, Choice said) {
    this.nanoClock = nanoClock;
    this.said = said;
    tried = fixed.orElse(FIRST);
    best = tried;
    chosen = fixed.isPresent();
  }

  /** Is told of the number that was found. */
  interface Choice {
    /**
     * Called once.
     *
     * @param tokensPerSecond that it gave while it was tried
     */
    void chosen(int atOnce, double tokensPerSecond);
  }

  /** A row's run has filled so many positions. */
  void filled(int positions) {
    tokens += positions;
  }

  void began() {
    live++;
  }

  void ended() {
    live--;
    ended++;
  }

  /** Rows that are under way. */
  int live() {
    return live;
  }

  /** The number at the next step; called before each. */
  @Override
  public int getAsInt() {
    if (!chosen) {
      look();
    }
    return tried;
  }

  private void look() {
    long now = nanoClock.getAsLong();
    if (steps < 2 || live > tried) { // the first step with new rows reads their prompts
      steps++;
      ended = 0;
      tokens = 0;
      since = now;
      return;
    }
    if (ended < tried || now - since < WINDOW_NANOS) {
      return;
    }
    double rate = tokens * 1e9 / (now - since);
    boolean grows = rate > bestRate * CLEARLY;
    int lastBest = best;
    if (rate > bestRate) {
      best = tried;
      bestRate = rate;
    }
    int next = grows ? 2 * tried : lastBest + lastBest / 2;
    chosen = refines || next > MOST;
    refines = !grows;
    tried = chosen ? best : next;
    steps = 0;
    if (chosen) {
      said.chosen(best, bestRate);
    }
  }
}
