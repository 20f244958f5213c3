package dev.palimpsest.engine.forward;

import dev.palimpsest.step.Alternative;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.SoftState;
import java.util.Arrays;
import java.util.List;

/**
 * For every position of a canvas the most probable ids of a step, and their probabilities divided
 * by their sum: tokens and numbers, which a person can read, and more than tokens. It lies in the
 * host's memory.
 */
public final class SoftAlternatives implements SoftState {
  private static final int NO_ID = -1;

  private final int each;
  private final int[] ids;
  private final float[] shares;
  private boolean isWritten;

  /**
   * Room that nothing has been written to.
   *
   * @param positions of the canvas
   * @param each how many ids a position has at most
   */
  SoftAlternatives(int positions, int each) {
    this.each = each;
    ids = new int[positions * each];
    shares = new float[positions * each];
  }

  /** Positions that it has room for. */
  int positions() {
    return ids.length / each;
  }

  /** How many ids a position has at most. */
  int each() {
    return each;
  }

  /** The ids, position by position, the most probable first; -1 for one that there is not. */
  int[] ids() {
    return ids;
  }

  /** The shares of the ids. */
  float[] shares() {
    return shares;
  }

  /** Whether a step has written to it. */
  public boolean isWritten() {
    return isWritten;
  }

  /** Takes the first alternatives of every position's prediction. */
  void write(List<Prediction> predictions) {
    Arrays.fill(ids, NO_ID);
    Arrays.fill(shares, 0);
    for (int position = 0; position < predictions.size(); position++) {
      List<Alternative> named = predictions.get(position).alternatives();
      int count = Math.min(each, named.size());
      double sum = 0;
      for (int rank = 0; rank < count; rank++) {
        sum += named.get(rank).probability();
      }
      for (int rank = 0; rank < count; rank++) {
        ids[position * each + rank] = named.get(rank).token();
        shares[position * each + rank] = (float) (named.get(rank).probability() / sum);
      }
    }
    isWritten = true;
  }

  /** Nothing of the device's is held. */
  @Override
  public void close() {}
}
