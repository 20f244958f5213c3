package dev.palimpsest.engine.backend.host;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The threads that own the cores while an operation runs.
 *
 * <p>The calling thread works too. Between operations of one step the others spin for a moment, so
 * that the next one starts at once, and then park, so that nothing else on the machine starves.
 */
final class Workers implements AutoCloseable {
  /** One piece of an operation. */
  interface Task {
    /**
     * Runs the piece.
     *
     * @param index of the piece
     * @param worker number of the thread that runs it, for scratch memory
     */
    void run(int index, int worker);
  }

  private static final int SPINS = 2_000;
  private static final long PAUSE_NANOS = 20_000;

  private final List<Thread> threads = new ArrayList<>();
  private final AtomicInteger parked = new AtomicInteger();
  private volatile Job job = new Job(0, (_, _) -> {});
  private volatile boolean closed;

  /**
   * Starts the threads.
   *
   * @param count threads in all, the calling one included
   */
  Workers(int count) {
    for (int worker = 1; worker < count; worker++) {
      int number = worker;
      threads.add(
          Thread.ofPlatform().daemon().name("palimpsest-" + number).start(() -> work(number)));
    }
  }

  int count() {
    return threads.size() + 1;
  }

  /** Runs every piece once and returns when all have ended. */
  void run(int tasks, Task task) {
    if (tasks == 1 || threads.isEmpty()) {
      for (int i = 0; i < tasks; i++) {
        task.run(i, 0);
      }
      return;
    }
    Job mine = new Job(tasks, task);
    job = mine;
    if (parked.get() > 0) {
      threads.forEach(LockSupport::unpark);
    }
    mine.take(0);
    mine.await();
  }

  private void work(int number) {
    Job last = job;
    int spins = 0;
    while (!closed) {
      Job current = job;
      if (current != last) {
        current.take(number);
        last = current;
        spins = 0;
      } else if (++spins < SPINS) {
        Thread.onSpinWait();
      } else {
        parked.incrementAndGet();
        if (job == last && !closed) {
          LockSupport.park(this);
        }
        parked.decrementAndGet();
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    threads.forEach(LockSupport::unpark);
  }

  /** One operation: who takes the next piece, how many have ended, and what went wrong. */
  private static final class Job {
    private final int tasks;
    private final Task task;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Job(int tasks, Task task) {
      this.tasks = tasks;
      this.task = task;
    }

    void take(int worker) {
      for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
        try {
          task.run(i, worker);
        } catch (Throwable e) {
          failure.compareAndSet(null, e);
        } finally {
          done.incrementAndGet();
        }
      }
    }

    void await() {
      for (int spins = 0; done.get() < tasks; spins++) {
        if (spins < SPINS) {
          Thread.onSpinWait();
        } else {
          LockSupport.parkNanos(this, PAUSE_NANOS);
        }
      }
      switch (failure.get()) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new IllegalStateException(e);
      }
    }
  }
}
