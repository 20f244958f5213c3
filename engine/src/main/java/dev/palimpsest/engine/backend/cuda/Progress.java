package dev.palimpsest.engine.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.bindings.cuda.PinnedMemory;
import dev.palimpsest.bindings.cuda.Stream;

/**
 * How far a run of operations has come: the device writes how many are done into memory of the
 * host, where it can still be read when the device has failed.
 *
 * <p>Such a mark costs the device about as much as its smallest kernel. A run whose every operation
 * is put into the stream has one behind each. In a graph, where that would show, a mark is paid for
 * by the work before it, or follows {@value #MOST_UNMARKED} operations that could not pay: heavy
 * steps mark every operation, light ones every eighth.
 */
final class Progress implements AutoCloseable {
  private static final int MOST_UNMARKED = 8;

  /** Multiply-adds that take the fastest device about a tenth of a millisecond. */
  private static final double PRICE = 0x1p35;

  private static final double MOST_SAVED = MOST_UNMARKED * PRICE;

  private final PinnedMemory done = PinnedMemory.allocate(Integer.BYTES);
  private final Stream stream;
  private boolean all;
  private int count;
  private int marked;
  private double saved;

  Progress(Stream stream) {
    this.stream = stream;
  }

  /** Begins to count the operations of a run. */
  void begin(boolean markAll) {
    all = markAll;
    count = 0;
    marked = 0;
    saved = 0;
  }

  /**
   * Counts one more operation.
   *
   * @param work its multiply-adds, where they are many
   * @return whether a mark belongs behind it
   */
  boolean count(double work) {
    count++;
    saved = Math.min(saved + work, MOST_SAVED);
    if (!all && saved < PRICE && count - marked < MOST_UNMARKED) {
      return false;
    }
    saved = Math.max(0, saved - PRICE);
    marked = count;
    return true;
  }

  /** Operations counted so far. */
  int counted() {
    return count;
  }

  /** Puts a mark behind the operation counted last. */
  void mark() {
    done.set(count, 0, stream);
  }

  /** Says that nothing is done yet; the stream is empty. */
  void reset() {
    done.segment().set(JAVA_INT, 0, 0);
  }

  /** How many operations are known to be done. */
  int done() {
    return done.segment().get(JAVA_INT, 0);
  }

  @Override
  public void close() {
    done.close();
  }
}
