package dev.palimpsest.app.serve;

import dev.palimpsest.app.openai.RequestException;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.step.Denoiser;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that owns the driver, and with it the model: texts wait in a bounded queue, join
 * between steps and leave between steps. Before each step every text is asked whether somebody
 * still wants it.
 */
final class DriverThread implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DriverThread.class);

  /** The queue is looked through for texts that nobody wants so often at most. */
  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final Denoiser denoiser;
  private final Limits limits;
  private final ServerMetrics metrics;
  private final Thread thread;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Work> queue = new ArrayDeque<>();
  private int running;
  private boolean refusing;
  private boolean ending;

  // The thread's own.
  private final Map<Driver.Ticket, Work> underWay = new LinkedHashMap<>();
  private Driver driver;
  private long lookedNanos;

  DriverThread(Denoiser denoiser, Limits limits, ServerMetrics metrics) {
    this.denoiser = denoiser;
    this.limits = limits;
    this.metrics = metrics;
    driver = new Driver(denoiser, limits.forwardTokens());
    thread = Thread.ofPlatform().name("palimpsest-driver").unstarted(this::work);
  }

  void start() {
    thread.start();
  }

  /** Whether it takes steps, or would. */
  boolean isAlive() {
    return thread.isAlive();
  }

  /** Texts that are written now. */
  int running() {
    lock.lock();
    try {
      return running;
    } finally {
      lock.unlock();
    }
  }

  /** Texts that wait. */
  int waiting() {
    lock.lock();
    try {
      return queue.size();
    } finally {
      lock.unlock();
    }
  }

  /** Whether it takes no new texts. */
  boolean isRefusing() {
    lock.lock();
    try {
      return refusing;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Lets the texts of one request wait for their turn: all of them, or none.
   *
   * @throws RequestException if there is no room for them, or the server is about to end
   */
  void submit(List<? extends Work> texts) {
    lock.lock();
    try {
      if (refusing) {
        throw ServiceErrors.ending();
      }
      int free = limits.waiting() + limits.running() - running - queue.size();
      if (texts.size() > free) {
        metrics.refused();
        throw ServiceErrors.queueFull(queue.size());
      }
      queue.addAll(texts);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void work() {
    while (admit()) {
      dismiss();
      step();
      handOver();
    }
  }

  /** Waits for something to do, and lets what has room join; false at the end. */
  private boolean admit() {
    List<Work> joining = new ArrayList<>();
    List<Work> leaving = new ArrayList<>();
    lock.lock();
    try {
      while (queue.isEmpty() && underWay.isEmpty() && !ending) {
        changed.awaitUninterruptibly();
      }
      long now = System.nanoTime();
      if (ending || now - lookedNanos > LOOK_NANOS) {
        lookedNanos = now;
        for (Iterator<Work> each = queue.iterator(); each.hasNext(); ) {
          Work text = each.next();
          if (ending || text.reasonToLeave().isPresent()) {
            each.remove();
            leaving.add(text);
          }
        }
      }
      while (!queue.isEmpty() && underWay.size() + joining.size() < limits.running()) {
        joining.add(queue.removeFirst());
      }
      running = underWay.size() + joining.size();
      if (ending && running == 0) {
        leaving.forEach(this::dismiss);
        return false;
      }
    } finally {
      lock.unlock();
    }
    leaving.forEach(this::dismiss);
    for (Work text : joining) {
      underWay.put(text.begin(driver), text);
    }
    return true;
  }

  /** Lets a text go that has not begun. */
  private void dismiss(Work text) {
    end(text, text.reasonToLeave().orElseGet(Outcome.ServerEnds::new));
  }

  private void dismiss() {
    boolean last = isEnding();
    Iterator<Map.Entry<Driver.Ticket, Work>> each = underWay.entrySet().iterator();
    while (each.hasNext()) {
      Map.Entry<Driver.Ticket, Work> entry = each.next();
      Optional<Outcome> reason =
          last ? Optional.of(new Outcome.ServerEnds()) : entry.getValue().reasonToLeave();
      if (reason.isPresent()) {
        entry.getKey().cancel();
        each.remove();
        end(entry.getValue(), reason.get());
      }
    }
  }

  private boolean isEnding() {
    lock.lock();
    try {
      return ending;
    } finally {
      lock.unlock();
    }
  }

  private void step() {
    try {
      driver.step();
    } catch (RuntimeException e) {
      LOG.error("A step failed, and with it the {} texts of it", underWay.size(), e);
      underWay.values().forEach(text -> end(text, new Outcome.Failed(e)));
      underWay.clear();
      driver = new Driver(denoiser, limits.forwardTokens());
    }
  }

  /** Room is there before anybody hears of an end, so that whoever does can ask for more. */
  private void handOver() {
    Map<Driver.Ticket, Work> over = new LinkedHashMap<>(underWay);
    over.keySet().removeIf(ticket -> !ticket.isOver());
    underWay.keySet().removeAll(over.keySet());
    lock.lock();
    try {
      running = underWay.size();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    over.forEach((ticket, work) -> end(work, work.ended(ticket)));
  }

  private void end(Work text, Outcome outcome) {
    metrics.ended(text, outcome);
    text.end(outcome);
  }

  /** Refuses new texts, and waits until those that were taken are written or the time is up. */
  void drain(Duration longest) throws InterruptedException {
    lock.lock();
    try {
      refusing = true;
      long left = longest.toNanos();
      while ((running > 0 || !queue.isEmpty()) && left > 0 && thread.isAlive()) {
        left = changed.awaitNanos(left);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets every text leave, and ends the thread. */
  @Override
  public void close() {
    lock.lock();
    try {
      refusing = true;
      ending = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
