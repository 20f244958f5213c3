package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.run.Driver;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Something for the driver, on its way from the queue to its end. The driver's thread calls what is
 * marked so; the request's thread finds the work among the news as soon as something has happened
 * to it.
 */
abstract class Work {
  /**
   * Whose work it is.
   *
   * @param index among the works of its request
   * @param abandoned whether nobody waits for it any more; asked by the driver's thread
   * @param deadlineNanos when its time is up, by {@link System#nanoTime}
   * @param news where it is found when something has happened
   */
  record Place(
      int index, BooleanSupplier abandoned, long deadlineNanos, BlockingQueue<Work> news) {}

  private final Place place;
  private final long submittedNanos = System.nanoTime();
  private volatile boolean unwanted;
  private volatile long admittedNanos;
  private boolean announced;
  private @Nullable Outcome outcome;

  Work(Place place) {
    this.place = place;
  }

  /** Its place among the works of its request, from 0. */
  final int index() {
    return place.index();
  }

  /** Lets it leave before the next step. */
  final void leave() {
    unwanted = true;
  }

  /** Whether a stop string has ended it. */
  boolean isStopped() {
    return false;
  }

  /** How it ended, once it has. */
  final synchronized Optional<Outcome> outcome() {
    return Optional.ofNullable(outcome);
  }

  final long submittedNanos() {
    return submittedNanos;
  }

  /** When the driver took it. */
  final long admittedNanos() {
    return admittedNanos;
  }

  /** Driver's thread: why it is to leave, if it is. */
  Optional<Outcome> reasonToLeave() {
    if (unwanted || place.abandoned().getAsBoolean()) {
      return Optional.of(new Outcome.Unwanted());
    }
    return System.nanoTime() - place.deadlineNanos() > 0
        ? Optional.of(new Outcome.TimedOut())
        : Optional.empty();
  }

  /** Driver's thread: begins. */
  final Driver.Ticket begin(Driver driver) {
    admittedNanos = System.nanoTime();
    return submit(driver);
  }

  /** Driver's thread: takes its place in the driver. */
  abstract Driver.Ticket submit(Driver driver);

  /** Driver's thread: what came of it, now that it takes no further step. */
  final Outcome ended(Driver.Ticket ticket) {
    return ticket.failure().isPresent()
        ? new Outcome.Failed(ticket.failure().get())
        : result(ticket);
  }

  /** Driver's thread: what came of it, as nothing failed. */
  abstract Outcome result(Driver.Ticket ticket);

  /** Driver's thread: it has ended. */
  final void end(Outcome how) {
    close(how, () -> tell(how));
  }

  /**
   * Driver's thread: lets go of what it holds.
   *
   * @param then to be called after it, by any thread
   */
  void close(Outcome how, Runnable then) {
    then.run();
  }

  private synchronized void tell(Outcome how) {
    outcome = how;
    announce();
  }

  /** It is found among the news, unless it is there already. */
  final synchronized void announce() {
    if (!announced) {
      announced = true;
      place.news().add(this);
    }
  }

  /** What has happened so far is known. */
  final synchronized void seen() {
    announced = false;
  }
}
