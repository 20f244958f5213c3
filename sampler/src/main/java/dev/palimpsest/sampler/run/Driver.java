package dev.palimpsest.sampler.run;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.canvas.SnapshotListener;
import dev.palimpsest.sampler.method.InvalidOptionException;
import dev.palimpsest.step.Denoiser;
import dev.palimpsest.step.Prediction;
import dev.palimpsest.step.Query;
import dev.palimpsest.step.SoftDenoiser;
import dev.palimpsest.step.SoftQuery;
import dev.palimpsest.step.SoftState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The one loop: runs many {@link Run}s over one {@link Denoiser}. Each step collects what the live
 * runs ask for, makes one forward, checks the answers and hands them out. Runs join and leave
 * between steps, each at its own step with its own options and seed, and writes what it would write
 * alone. One that throws leaves alone, with its {@link Ticket#failure}.
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

  /**
   * Lets a run join at the next step that has room for it.
   *
   * @throws InvalidOptionException if its sampler hands on more than tokens, and the denoiser is of
   *     tokens alone
   */
  public Ticket submit(Run run, SnapshotListener listener) {
    if (!run.sampler().options().isStrict() && !(denoiser instanceof SoftDenoiser)) {
      throw new InvalidOptionException(
          "self_conditioning",
          run.sampler().options().toMap().getOrDefault("self_conditioning", "soft"),
          "hands on more than tokens, and the model is asked for steps of tokens alone here: use"
              + " top_1 or off");
    }
    return await(new Ticket(run, listener, nanoClock.getAsLong(), filled(run)));
  }

  /** Lets a text be scored at the next step that has room for it. */
  public Ticket submit(Scoring scoring) {
    return await(new Ticket(scoring, SnapshotListener.NONE, nanoClock.getAsLong(), 0));
  }

  private Ticket await(Ticket ticket) {
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
    List<Query> queries = new ArrayList<>(live.size());
    for (Ticket ticket : live) {
      queries.add(ticket.ask());
    }
    List<List<Prediction>> answers = answers(queries);
    long now = nanoClock.getAsLong();
    List<Optional<Snapshot>> steps = new ArrayList<>(live.size());
    for (int index = 0; index < live.size(); index++) {
      steps.add(live.get(index).accept(queries.get(index), answers.get(index), now));
    }
    try {
      deliver(steps);
    } finally {
      leave();
    }
    return true;
  }

  private void leave() {
    live.stream().filter(Ticket::isOver).forEach(Ticket::forget);
    live.removeIf(Ticket::isOver);
  }

  /** Runs that take the next step. */
  public int live() {
    return live.size();
  }

  /** Runs that wait until a forward has room for them. */
  public int waiting() {
    return waiting.size();
  }

  /**
   * Takes requests to their ends, so many at once: as soon as one is done, the next begins. An
   * interrupt of the calling thread ends this between two steps and stays set; what is under way is
   * then handed over as it is.
   *
   * @param requests asked for the next one as soon as there is room for it
   * @param atOnce at least 1
   * @param listener is told of each request once, in the order in which they end
   * @throws X if the listener does
   */
  public <R extends Request, X extends Exception> void run(
      Iterator<R> requests, int atOnce, CompletionListener<R, X> listener) throws X {
    run(requests, () -> atOnce, listener);
  }

  /**
   * As above, with another number at once from step to step. If it falls, those that are under way
   * go on.
   *
   * @param atOnce asked before every step; at least 1
   */
  public <R extends Request, X extends Exception> void run(
      Iterator<R> requests, IntSupplier atOnce, CompletionListener<R, X> listener) throws X {
    Map<Ticket, R> underWay = new LinkedHashMap<>();
    do {
      int most = atOnce.getAsInt();
      while (underWay.size() < most && requests.hasNext()) {
        R request = requests.next();
        underWay.put(submit(request.run(), request.listener()), request);
      }
      if (Thread.currentThread().isInterrupted()) {
        break;
      }
      step();
      handOver(underWay, Ticket::isOver, listener);
    } while (!underWay.isEmpty() || requests.hasNext());
    handOver(underWay, _ -> true, listener);
  }

  /**
   * Takes requests to their ends, all at once as far as the bound on a forward's tokens lets them;
   * each is what it would be alone. An interrupt ends them as it does {@link #run(Iterator, int,
   * CompletionListener)}.
   *
   * @param requests of runs that are each another one
   * @return in the order of the requests
   */
  public List<Generation> finish(List<? extends Request> requests) {
    Map<Request, Generation> generations = new HashMap<>();
    run(requests.iterator(), Integer.MAX_VALUE, generations::put);
    return requests.stream().map(generations::get).map(Objects::requireNonNull).toList();
  }

  private static <R extends Request, X extends Exception> void handOver(
      Map<Ticket, R> underWay, Predicate<Ticket> which, CompletionListener<R, X> listener)
      throws X {
    Iterator<Map.Entry<Ticket, R>> each = underWay.entrySet().iterator();
    while (each.hasNext()) {
      Map.Entry<Ticket, R> entry = each.next();
      if (which.test(entry.getKey())) {
        each.remove();
        entry.getKey().forget();
        Optional<RuntimeException> failure = entry.getKey().failure();
        if (failure.isPresent()) {
          listener.failed(entry.getValue(), failure.get());
        } else {
          listener.ended(entry.getValue(), entry.getKey().generation());
        }
      }
    }
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

  /**
   * Takes one step of a run alone; what the run throws comes out.
   *
   * @return empty if the run did not step
   * @throws IllegalStateException if the run is finished, or the denoiser's answer does not fit
   */
  public static Optional<Snapshot> step(Run run, Denoiser denoiser) {
    Driver driver = new Driver(denoiser, UNLIMITED, () -> 0);
    AtomicReference<@Nullable Snapshot> taken = new AtomicReference<>();
    Ticket ticket = driver.submit(run, taken::set);
    try {
      if (!driver.step()) {
        throw new IllegalStateException("the run is finished at " + run.cursor());
      }
    } finally {
      ticket.forget();
    }
    ticket.failure().ifPresent(Driver::raise);
    return Optional.ofNullable(taken.get());
  }

  private static void raise(RuntimeException failure) {
    throw failure;
  }

  private static int filled(Run run) {
    CanvasImage canvas = run.canvas();
    return canvas.positions(CellState.COMMITTED, canvas.promptLength(), canvas.length()).length;
  }

  private void admit() {
    leave();
    long tokens = 0;
    for (Ticket ticket : live) {
      tokens += ticket.participant.width();
    }
    while (true) {
      Ticket next = waiting.peek();
      if (next == null) {
        return;
      }
      if (!next.isOver()) {
        if (!live.isEmpty() && next.participant.width() > maxTokens - tokens) {
          return;
        }
        tokens += next.participant.width();
        live.add(next);
      }
      waiting.remove();
    }
  }

  /** The predictions for every query. The model is not asked for those that ask nothing. */
  private List<List<Prediction>> answers(List<Query> queries) {
    List<Query> asked = queries.stream().filter(query -> query.sequences() > 0).toList();
    List<List<Prediction>> told = asked.isEmpty() ? List.of() : predict(queries, asked);
    requireAnswers(asked, told);
    Iterator<List<Prediction>> each = told.iterator();
    List<List<Prediction>> answers = new ArrayList<>(queries.size());
    for (Query query : queries) {
      answers.add(query.sequences() > 0 ? each.next() : List.of());
    }
    return answers;
  }

  private List<List<Prediction>> predict(List<Query> queries, List<Query> asked) {
    if (live.stream().noneMatch(Ticket::isSoft)) {
      return denoiser.predict(asked);
    }
    SoftDenoiser soft = (SoftDenoiser) denoiser;
    List<SoftQuery> all = new ArrayList<>(asked.size());
    for (int index = 0; index < queries.size(); index++) {
      if (queries.get(index).sequences() > 0) {
        all.add(new SoftQuery(queries.get(index), live.get(index).carried(soft)));
      }
    }
    return soft.predictSoftly(all);
  }

  private void deliver(List<Optional<Snapshot>> steps) {
    // A set, since one exception may come from two listeners and cannot suppress itself.
    Set<RuntimeException> failures = new LinkedHashSet<>();
    for (int index = 0; index < steps.size(); index++) {
      try {
        steps.get(index).ifPresent(live.get(index).listener::snapshot);
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
      PredictionCheck.require(queries.get(index), answers.get(index));
    }
  }

  /** The place of a run, or of a text to be scored, in a driver. */
  public static final class Ticket {
    private final Participant participant;
    private final SnapshotListener listener;
    private final long submittedNanos;
    private final int filledBefore;
    private boolean finished;
    private boolean cancelled;
    private int steps;
    private int forwards;
    private int idleSteps;
    private long firstSnapshotNanos;
    private long totalNanos;
    private @Nullable RuntimeException failure;
    private @Nullable SoftState state;

    private Ticket(
        Participant participant, SnapshotListener listener, long submittedNanos, int filledBefore) {
      this.participant = participant;
      this.listener = listener;
      this.submittedNanos = submittedNanos;
      this.filledBefore = filledBefore;
      finished = participant.finished();
    }

    private boolean isSoft() {
      return participant instanceof Run run && !run.sampler().options().isStrict();
    }

    private Optional<SoftQuery.Carried> carried(SoftDenoiser model) {
      if (!isSoft() || !(participant instanceof Run run)) {
        return Optional.empty();
      }
      SoftState own = state;
      boolean told = own != null && run.cursor().stepInBlock() > 0;
      if (own == null) {
        OptionalInt few = run.sampler().options().alternativesHandedOn();
        own = few.isPresent() ? model.open(few.getAsInt()) : model.open();
        state = own;
      }
      return Optional.of(new SoftQuery.Carried(own, told));
    }

    /** Lets go of what its steps handed on. */
    private void forget() {
      if (state != null) {
        state.close();
        state = null;
      }
    }

    /** Lets the run leave before the next step, with what it has written. */
    public void cancel() {
      cancelled = true;
    }

    /**
     * What the run has written so far; {@link Generation#complete} once it is finished.
     *
     * @throws IllegalStateException if nothing is written, but a text scored
     */
    public Generation generation() {
      if (!(participant instanceof Run run)) {
        throw new IllegalStateException("a scoring writes no text: look at its predictions");
      }
      return new Generation(
          run.canvas(),
          run.specials(),
          run.sampler().options().genLength(),
          run.complete(),
          forwards,
          idleSteps,
          filled(run) - filledBefore,
          firstSnapshotNanos,
          totalNanos);
    }

    /** Whether it takes no further step: finished, cancelled or failed. */
    public boolean isOver() {
      return cancelled || finished || failure != null;
    }

    /** What the run has thrown, if it ended so. Its canvas is then as it was when it threw. */
    public Optional<RuntimeException> failure() {
      return Optional.ofNullable(failure);
    }

    private Query ask() {
      try {
        return participant.ask();
      } catch (RuntimeException thrown) {
        failure = thrown;
        return Query.NOTHING;
      }
    }

    private Optional<Snapshot> accept(Query asked, List<Prediction> predictions, long now) {
      if (failure != null) {
        return Optional.empty();
      }
      totalNanos = now - submittedNanos;
      forwards += asked.sequences();
      Optional<Snapshot> step;
      try {
        step = participant.accept(predictions, totalNanos);
        finished = participant.finished();
      } catch (RuntimeException thrown) {
        failure = thrown;
        return Optional.empty();
      }
      if (step.isPresent()) {
        if (steps++ == 0) {
          firstSnapshotNanos = totalNanos;
        }
        idleSteps += asked.sequences() == 0 ? 1 : 0;
      }
      return step;
    }
  }

  /**
   * Is told that a request has ended.
   *
   * @param <R> the requests
   * @param <X> what it may throw
   */
  @FunctionalInterface
  public interface CompletionListener<R extends Request, X extends Exception> {
    /**
     * Called once per request.
     *
     * @param generation what was written; not complete if the run was stopped
     */
    void ended(R request, Generation generation) throws X;

    /**
     * Called instead if the request's run threw; the others go on, unless this throws.
     *
     * @param failure what was thrown; thrown on if nothing else is done with it
     */
    default void failed(R request, RuntimeException failure) throws X {
      throw failure;
    }
  }
}
