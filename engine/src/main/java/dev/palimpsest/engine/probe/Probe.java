package dev.palimpsest.engine.probe;

import dev.palimpsest.step.Query;
import java.util.List;

/**
 * Who looks inside steps. It reads, and cannot change a step: what it is given are copies, once the
 * step is done.
 *
 * @param hooks what is wanted
 * @param selection where it is wanted
 * @param listener is told, hook by hook and sequence by sequence, on the thread that predicts
 */
public record Probe(List<Hook> hooks, Selection selection, Listener listener) {
  /** Takes its own copy. */
  public Probe {
    hooks = List.copyOf(hooks);
  }

  /** Which positions of a sequence are wanted. */
  @FunctionalInterface
  public interface Selection {
    /**
     * Asked before every step.
     *
     * @return ascending indices into the query's tokens; none if nothing of the step is wanted
     */
    int[] positions(Query query);
  }

  /** Is told what was there. */
  @FunctionalInterface
  public interface Listener {
    /** Called after the step; what it throws comes out of the step. */
    void read(Reading reading);
  }
}
