package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Lets another listener hear of everything in order, on a thread of its own: a slow one costs the
 * run nothing until so much waits that the run has to wait too. Nothing is left out.
 *
 * <p>What the listener throws comes out of the next call here, once, so that it ends the run; it
 * hears of nothing after that.
 */
public final class TraceRelay implements TraceListener, AutoCloseable {
  private final TraceListener listener;
  private final int capacity;
  private final Deque<Runnable> waiting = new ArrayDeque<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private @Nullable RuntimeException failure;
  private boolean failed;
  private boolean busy;
  private boolean closed;

  /**
   * A relay that has begun.
   *
   * @param capacity calls that may wait, at least 1
   */
  public TraceRelay(TraceListener listener, int capacity) {
    if (capacity < 1) {
      throw new IllegalArgumentException(
          "a relay of " + capacity + " calls was asked for; at least 1 may wait");
    }
    this.listener = listener;
    this.capacity = capacity;
    Thread _ = Thread.ofPlatform().daemon().name("trace").start(this::pass);
  }

  @Override
  public void snapshot(Snapshot snapshot) {
    put(() -> listener.snapshot(snapshot));
  }

  @Override
  public void event(TraceRecord.Event event, CanvasImage after) {
    put(() -> listener.event(event, after));
  }

  /** An interrupt of the run does not keep a step from being heard of. */
  private void put(Runnable call) {
    lock.lock();
    try {
      while (waiting.size() == capacity && !failed && !closed) {
        changed.awaitUninterruptibly();
      }
      raise();
      if (closed) {
        throw new IllegalStateException(
            "the relay is closed, and nothing can be heard of any more");
      }
      if (!failed) {
        waiting.addLast(call);
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Returns when the listener has heard of everything. */
  public void flush() {
    lock.lock();
    try {
      while (!failed && (busy || !waiting.isEmpty())) {
        changed.awaitUninterruptibly();
      }
      raise();
    } finally {
      lock.unlock();
    }
  }

  private void raise() {
    RuntimeException thrown = failure;
    failure = null;
    if (thrown != null) {
      throw thrown;
    }
  }

  private void pass() {
    while (true) {
      Runnable call = next();
      if (call == null) {
        return;
      }
      try {
        call.run();
        done(null);
      } catch (RuntimeException e) {
        done(e);
      } catch (Error e) {
        done(new IllegalStateException("the listener of a run failed: " + e, e));
      }
    }
  }

  private @Nullable Runnable next() {
    lock.lock();
    try {
      while (waiting.isEmpty() && !closed) {
        changed.awaitUninterruptibly();
      }
      busy = !waiting.isEmpty();
      changed.signalAll();
      return waiting.pollFirst();
    } finally {
      lock.unlock();
    }
  }

  private void done(@Nullable RuntimeException thrown) {
    lock.lock();
    try {
      busy = false;
      if (thrown != null) {
        failure = thrown;
        failed = true;
        waiting.clear();
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Lets the listener hear of what waits, and ends the thread. */
  @Override
  public void close() {
    try {
      flush();
    } finally {
      lock.lock();
      try {
        closed = true;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }
}
