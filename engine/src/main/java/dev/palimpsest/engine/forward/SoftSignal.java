package dev.palimpsest.engine.forward;

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
  private final int[] slots;
  private final Consumer<int[]> released;
  private boolean isWritten;
  private boolean isClosed;

  /**
   * Room that nothing has been written to.
   *
   * @param slots of its rows
   * @param released is told when it is closed
   */
  SoftSignal(int[] slots, Consumer<int[]> released) {
    this.slots = slots;
    this.released = released;
  }

  /** Whether a step has written to it. */
  public boolean isWritten() {
    return isWritten;
  }

  void markWritten() {
    isWritten = true;
  }

  int[] slots() {
    if (isClosed) {
      throw new IllegalStateException("a soft signal is used after it was closed");
    }
    return slots;
  }

  @Override
  public void close() {
    if (!isClosed) {
      isClosed = true;
      released.accept(slots);
    }
  }
}
