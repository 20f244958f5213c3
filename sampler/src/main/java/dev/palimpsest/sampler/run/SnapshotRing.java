package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Hands snapshots to a reader on another thread, which may be slower than the steps. When the ring
 * is full it either leaves the oldest snapshot out, whole, and the run goes on, or it makes the run
 * wait.
 */
public final class SnapshotRing implements SnapshotListener, AutoCloseable {
  /**
   * A snapshot and its place among all that were handed over, those left out included.
   *
   * @param number from 0; over several rounds of a run it counts on
   */
  public record Heard(long number, Snapshot snapshot) {}

  /** What happens to a snapshot that finds the ring full. */
  public enum WhenFull {
    /** It takes the place of the oldest one. */
    LEAVE_OUT_OLDEST,
    /** The run waits until the reader has taken one. */
    WAIT
  }

  private final int capacity;
  private final WhenFull whenFull;
  private final Deque<Heard> waiting = new ArrayDeque<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private long heard;
  private long leftOut;
  private boolean closed;

  /**
   * An empty ring.
   *
   * @param capacity snapshots that may wait, at least 1
   */
  public SnapshotRing(int capacity, WhenFull whenFull) {
    if (capacity < 1) {
      throw new IllegalArgumentException(
          "a ring of " + capacity + " snapshots was asked for; it holds at least 1");
    }
    this.capacity = capacity;
    this.whenFull = whenFull;
  }

  /**
   * Hands a snapshot over; once the ring is closed, it is left out.
   *
   * @throws CancellationException if the thread is interrupted while it waits
   */
  @Override
  public void snapshot(Snapshot snapshot) {
    lock.lock();
    try {
      heard++;
      while (whenFull == WhenFull.WAIT && waiting.size() == capacity && !closed) {
        changed.await();
      }
      if (closed) {
        leftOut++;
        return;
      }
      if (waiting.size() == capacity) {
        waiting.removeFirst();
        leftOut++;
      }
      waiting.addLast(new Heard(heard - 1, snapshot));
      changed.signalAll();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while a reader of snapshots was waited for");
    } finally {
      lock.unlock();
    }
  }

  /** The next snapshot, once there is one; empty when the ring is closed and nothing is left. */
  public Optional<Heard> take() throws InterruptedException {
    lock.lock();
    try {
      while (waiting.isEmpty() && !closed) {
        changed.await();
      }
      Optional<Heard> next = Optional.ofNullable(waiting.pollFirst());
      changed.signalAll();
      return next;
    } finally {
      lock.unlock();
    }
  }

  /** Snapshots that were handed over, those left out included. */
  public long heard() {
    lock.lock();
    try {
      return heard;
    } finally {
      lock.unlock();
    }
  }

  /** Snapshots that no reader will get. */
  public long leftOut() {
    lock.lock();
    try {
      return leftOut;
    } finally {
      lock.unlock();
    }
  }

  /** Closes the ring: a run no longer waits, and what is in the ring can still be taken. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
