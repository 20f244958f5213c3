package dev.palimpsest.engine.forward;

import dev.palimpsest.engine.backend.KvLayer;
import dev.palimpsest.step.SoftState;
import java.util.function.Consumer;

/**
 * Room for a soft signal: for every position of a canvas, the embeddings of all ids, weighed by the
 * probabilities that a step gave them, [canvas, hidden]. It lies where the model computes, in the
 * precision of its activations; whoever opened it closes it.
 *
 * <p>It is the one thing that one step can hand to another beside tokens.
 */
public final class SoftSignal implements SoftState {
  private final KvLayer rows;
  private final Consumer<KvLayer> released;
  private boolean isWritten;
  private boolean isClosed;

  /**
   * Room that nothing has been written to.
   *
   * @param rows a slot for every position
   * @param released is told when it is closed
   */
  SoftSignal(KvLayer rows, Consumer<KvLayer> released) {
    this.rows = rows;
    this.released = released;
  }

  /** Whether a step has written to it. */
  public boolean isWritten() {
    return isWritten;
  }

  void markWritten() {
    isWritten = true;
  }

  KvLayer rows() {
    if (isClosed) {
      throw new IllegalStateException("a soft signal is used after it was closed");
    }
    return rows;
  }

  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      released.accept(rows);
    }
  }
}
