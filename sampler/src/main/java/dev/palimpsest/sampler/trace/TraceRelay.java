package dev.palimpsest.sampler.trace;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * A thread on which listeners hear of their runs, everything in order: slow ones cost the runs
 * nothing until so much waits that a run has to wait too. Nothing is left out, and an interrupt of
 * a run does not keep a step from being heard of.
 */
public final class TraceRelay implements Executor, AutoCloseable {
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("trace").factory());
  private final Semaphore room;

  /**
   * A relay that has begun.
   *
   * @param capacity calls that may wait, of all runs together; at least 1
   */
  public TraceRelay(int capacity) {
    if (capacity < 1) {
      throw new IllegalArgumentException(
          "a relay of " + capacity + " calls was asked for; at least 1 may wait");
    }
    room = new Semaphore(capacity);
  }

  /** The way of one run to its listener. */
  public Track to(TraceListener listener) {
    return new Track(listener);
  }

  /**
   * Lets something happen after all that waits, once there is room for it.
   *
   * @throws IllegalStateException if the relay is closed
   */
  @Override
  public void execute(Runnable call) {
    room.acquireUninterruptibly();
    try {
      thread.execute(
          () -> {
            room.release();
            call.run();
          });
    } catch (RejectedExecutionException e) {
      room.release();
      throw new IllegalStateException(
          "the relay is closed, and nothing can be heard of any more", e);
    }
  }

  /** Returns when everything that waits has been heard of, and ends the thread. */
  @Override
  public void close() {
    if (!thread.isShutdown()) {
      CompletableFuture.runAsync(() -> {}, thread).join();
      thread.shutdown();
    }
  }

  /**
   * Tells the relay's thread of one run. What its listener throws comes out of the next call here,
   * once, so that it ends the run; the listener hears of nothing after that.
   */
  public final class Track implements TraceListener {
    private final TraceListener listener;
    private @Nullable RuntimeException failure;
    private boolean failed;

    private Track(TraceListener listener) {
      this.listener = listener;
    }

    @Override
    public void snapshot(Snapshot snapshot) {
      put(() -> listener.snapshot(snapshot));
    }

    @Override
    public void event(TraceRecord.Event event, CanvasImage after) {
      put(() -> listener.event(event, after));
    }

    /** Returns when the listener has heard of everything. */
    public void flush() {
      CompletableFuture.runAsync(() -> {}, TraceRelay.this).join();
      raise();
    }

    private void put(Runnable call) {
      raise();
      execute(() -> pass(call));
    }

    private synchronized void raise() {
      RuntimeException thrown = failure;
      failure = null;
      if (thrown != null) {
        throw thrown;
      }
    }

    private void pass(Runnable call) {
      if (hasFailed()) {
        return;
      }
      try {
        call.run();
      } catch (RuntimeException e) {
        fail(e);
      } catch (Error e) {
        fail(new IllegalStateException("the listener of a run failed: " + e, e));
      }
    }

    private synchronized boolean hasFailed() {
      return failed;
    }

    private synchronized void fail(RuntimeException thrown) {
      failed = true;
      failure = thrown;
    }
  }
}
