package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Runs many {@link Run}s over one {@link Denoiser}: each step collects what the live runs ask for,
 * makes one forward, and hands the rows out. Runs join and leave between steps, each at its own
 * step with its own options and seed, and writes what it would write alone.
 *
 * <p>One thread owns a driver. A listener may submit and cancel from within its call; that takes
 * effect between steps.
 */
public final class Driver {
  /** No bound on the tokens of a forward. */
  public static final long UNLIMITED = Long.MAX_VALUE;

  private final Denoiser denoiser;
  private final long maxTokens;
  private final LongSupplier nanoClock;
  private final Queue<Ticket> waiting = new ArrayDeque<>();
  private final List<Ticket> live = new ArrayList<>();

  /** A driver without a bound. */
  public Driver(Denoiser denoiser) {
    this(denoiser, UNLIMITED);
  }

  /**
   * A driver that keeps a forward's tokens, all queries together, within a bound. Runs wait in the
   * order of submission; one that is wider than the bound runs alone.
   */
  public Driver(Denoiser denoiser, long maxTokens) {
    this(denoiser, maxTokens, System::nanoTime);
  }

  Driver(Denoiser denoiser, long maxTokens, LongSupplier nanoClock) {
    this.denoiser = denoiser;
    this.maxTokens = maxTokens;
    this.nanoClock = nanoClock;
  }

  /** Lets a run join at the next step that has room for it. */
  public Ticket submit(Run run, SnapshotListener listener) {
    Ticket ticket = new Ticket(run, listener, nanoClock.getAsLong());
    waiting.add(ticket);
    return ticket;
  }

  /**
   * Takes one step of every live run.
   *
   * <p>All or nothing: if the denoiser throws or its answer does not fit, no run has changed and
   * the step can be tried again. If a listener throws, every run has taken the step and every
   * listener has heard of it; then the first exception is thrown, with the others suppressed. The
   * driver can go on, and the snapshot is not delivered again.
   *
   * @return whether there was a step to take
   * @throws IllegalStateException if the denoiser's answer does not fit its queries
   */
  public boolean step() {
    admit();
    if (live.isEmpty()) {
      return false;
    }
    List<List<Prediction>> answers = answers();
    long now = nanoClock.getAsLong();
    List<Snapshot> snapshots = new ArrayList<>(live.size());
    for (int index = 0; index < live.size(); index++) {
      snapshots.add(live.get(index).accept(answers.get(index), now));
    }
    try {
      deliver(snapshots);
    } finally {
      live.removeIf(Ticket::gone);
    }
    return true;
  }

  /**
   * Steps until no run is left, or until {@code stop} says so between two steps. Stopped runs keep
   * what they have written and can go on with another call.
   */
  public void run(BooleanSupplier stop) {
    while (!stop.getAsBoolean() && step()) {
      // Everything happens in the step.
    }
  }

  private void admit() {
    live.removeIf(Ticket::gone);
    long tokens = 0;
    for (Ticket ticket : live) {
      tokens += ticket.run.width();
    }
    while (true) {
      Ticket next = waiting.peek();
      if (next == null) {
        return;
      }
      if (!next.gone()) {
        if (!live.isEmpty() && next.run.width() > maxTokens - tokens) {
          return;
        }
        tokens += next.run.width();
        live.add(next);
      }
      waiting.remove();
    }
  }

  /** What every live run is told. The model is not asked for those that ask nothing. */
  private List<List<Prediction>> answers() {
    List<Query> queries = new ArrayList<>(live.size());
    boolean[] idle = new boolean[live.size()];
    for (int index = 0; index < idle.length; index++) {
      Query query = live.get(index).run.ask();
      idle[index] = query.sequences() == 0;
      if (!idle[index]) {
        queries.add(query);
      }
    }
    List<List<Prediction>> told = queries.isEmpty() ? List.of() : denoiser.predict(queries);
    requireAnswers(queries, told);
    Iterator<List<Prediction>> each = told.iterator();
    List<List<Prediction>> answers = new ArrayList<>(idle.length);
    for (boolean nothing : idle) {
      answers.add(nothing ? List.of() : each.next());
    }
    return answers;
  }

  private void deliver(List<Snapshot> snapshots) {
    // A set, since one exception may come from two listeners and cannot suppress itself.
    Set<RuntimeException> failures = new LinkedHashSet<>();
    for (int index = 0; index < snapshots.size(); index++) {
      try {
        live.get(index).listener.snapshot(snapshots.get(index));
      } catch (RuntimeException failure) {
        failures.add(failure);
      }
    }
    if (!failures.isEmpty()) {
      Iterator<RuntimeException> each = failures.iterator();
      RuntimeException first = each.next();
      each.forEachRemaining(first::addSuppressed);
      throw first;
    }
  }

  private static void requireAnswers(List<Query> queries, List<List<Prediction>> answers) {
    if (answers.size() != queries.size()) {
      throw new IllegalStateException(
          "the model answered " + answers.size() + " of " + queries.size() + " queries");
    }
    for (int index = 0; index < answers.size(); index++) {
      Query query = queries.get(index);
      Answers.require(query.rows(), query.draw().undrawn(), answers.get(index));
    }
  }

  /** A run's place in a driver. */
  public static final class Ticket {
    private final Run run;
    private final SnapshotListener listener;
    private final long submittedNanos;
    private boolean cancelled;
    private int steps;
    private int forwards;
    private int idleSteps;
    private int committed;
    private long firstSnapshotNanos;
    private long totalNanos;

    private Ticket(Run run, SnapshotListener listener, long submittedNanos) {
      this.run = run;
      this.listener = listener;
      this.submittedNanos = submittedNanos;
    }

    /** Lets the run leave before the next step, with what it has written. */
    public void cancel() {
      cancelled = true;
    }

    /** What the run has written so far; {@link Generation#complete} once it is finished. */
    public Generation generation() {
      return new Generation(
          run.canvas(),
          run.specials(),
          run.sampler().options().genLength(),
          run.finished(),
          forwards,
          idleSteps,
          committed,
          firstSnapshotNanos,
          totalNanos);
    }

    private boolean gone() {
      return cancelled || run.finished();
    }

    private Snapshot accept(List<Prediction> predictions, long now) {
      Snapshot snapshot = run.accept(predictions, now - submittedNanos);
      if (steps++ == 0) {
        firstSnapshotNanos = snapshot.elapsedNanos();
      }
      forwards += snapshot.forwards();
      idleSteps += snapshot.forwards() == 0 ? 1 : 0;
      committed += snapshot.commits().size() - snapshot.remasked().length;
      totalNanos = snapshot.elapsedNanos();
      return snapshot;
    }
  }
}
