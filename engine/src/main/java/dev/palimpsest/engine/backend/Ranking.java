package dev.palimpsest.engine.backend;

import dev.palimpsest.step.Alternative;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/** The highest logits of a row, highest first; of equal ones the lower id. Ids come ascending. */
public final class Ranking {
  private int[] ids = {};
  private float[] logits = {};
  private int most;
  private int size;

  /** Forgets everything and keeps nothing until it is told how many to keep. */
  public void reset() {
    most = 0;
    size = 0;
  }

  /** How many to keep. */
  public void keep(int count) {
    most = count;
    if (ids.length < count) {
      ids = Arrays.copyOf(ids, count);
      logits = Arrays.copyOf(logits, count);
    }
  }

  /** Takes in a logit; one of minus infinity cannot be drawn and is not kept. */
  public void add(int id, float logit) {
    if (logit == Float.NEGATIVE_INFINITY || (size == most && logit <= logits[size - 1])) {
      return;
    }
    int place = size < most ? size++ : size - 1;
    while (place > 0 && logits[place - 1] < logit) {
      ids[place] = ids[place - 1];
      logits[place] = logits[place - 1];
      place--;
    }
    ids[place] = id;
    logits[place] = logit;
  }

  /** Takes in what was kept of later ids. */
  public void merge(Ranking later) {
    for (int rank = 0; rank < later.size; rank++) {
      add(later.ids[rank], later.logits[rank]);
    }
  }

  /**
   * What was kept.
   *
   * @param probability of a logit
   * @param uncounted ids whose probability is 0
   */
  public List<Alternative> alternatives(DoubleUnaryOperator probability, int[] uncounted) {
    List<Alternative> alternatives = new ArrayList<>(size);
    for (int rank = 0; rank < size; rank++) {
      int id = ids[rank];
      boolean counted = Arrays.stream(uncounted).noneMatch(each -> each == id);
      alternatives.add(new Alternative(id, counted ? probability.applyAsDouble(logits[rank]) : 0));
    }
    return alternatives;
  }
}
