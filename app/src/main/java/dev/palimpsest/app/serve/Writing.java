package dev.palimpsest.app.serve;

import dev.palimpsest.sampler.canvas.Commit;
import dev.palimpsest.sampler.canvas.Cursor;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.sampler.run.Generation;
import dev.palimpsest.sampler.run.Run;
import dev.palimpsest.step.Alternative;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A text on its way from the queue to its end. The driver's thread calls what is marked so; the
 * request's thread finds the text among the news as soon as something has happened to it. A reader
 * that is slower than the steps loses the oldest ones, and never holds them up.
 */
final class Writing {
  /** Steps that may wait for a reader who wants every one. */
  private static final int MOST_STEPS = 1024;

  /**
   * What a step left behind.
   *
   * @param soFar the text and its cost after the step
   * @param settled the end of the text that stands for good
   * @param next where the run is now
   */
  record Step(Snapshot snapshot, Generation soFar, int settled, Cursor next) {
    /** The tokens of the text that no later step changes. */
    int[] settledTokens() {
      int[] tokens = soFar.tokens();
      int count = Math.clamp(settled - soFar.promptLength(), 0, tokens.length);
      return Arrays.copyOf(tokens, count);
    }
  }

  /** A token and what else could have stood there when it was written. */
  record Choice(Commit commit, List<Alternative> alternatives) {}

  private final int index;
  private final Job job;
  private final Run run;
  private final BooleanSupplier abandoned;
  private final long deadlineNanos;
  private final BlockingQueue<Writing> news;
  private final long submittedNanos = System.nanoTime();

  private final Map<Integer, Choice> choices = new ConcurrentHashMap<>();
  private final Deque<Step> steps = new ArrayDeque<>();
  private boolean announced;
  private long leftOut;
  private @Nullable Outcome outcome;
  private volatile boolean unwanted;

  // The driver's thread's own.
  private Driver.@Nullable Ticket ticket;
  private int taken;
  private long admittedNanos;
  private long firstTokenNanos;

  /**
   * A text that waits.
   *
   * @param index among the texts of its request
   * @param abandoned whether nobody waits for it any more; asked by the driver's thread
   * @param deadlineNanos when its time is up, by {@link System#nanoTime}
   * @param news where it is found when something has happened
   */
  Writing(
      int index,
      Job job,
      BooleanSupplier abandoned,
      long deadlineNanos,
      BlockingQueue<Writing> news) {
    this.index = index;
    this.job = job;
    this.abandoned = abandoned;
    this.deadlineNanos = deadlineNanos;
    this.news = news;
    run =
        job.logprobs().isPresent() && job.logprobs().getAsInt() > 0
            ? new NamingRun(job.run(), job.logprobs().getAsInt())
            : job.run();
  }

  int index() {
    return index;
  }

  Job job() {
    return job;
  }

  /** Lets it leave before the next step. */
  void leave() {
    unwanted = true;
  }

  /** The steps that were taken since the last call. */
  synchronized List<Step> takeSteps() {
    announced = false;
    List<Step> all = new ArrayList<>(steps);
    steps.clear();
    return all;
  }

  /** Steps that no reader will get. */
  synchronized long leftOut() {
    return leftOut;
  }

  /** How it ended, once it has. */
  synchronized Optional<Outcome> outcome() {
    return Optional.ofNullable(outcome);
  }

  /** What was written at a position, if log-probabilities are wanted. */
  Optional<Choice> choice(int position) {
    return Optional.ofNullable(choices.get(position));
  }

  /** Driver's thread: why it is to leave, if it is. */
  Optional<Outcome> reasonToLeave() {
    if (unwanted || abandoned.getAsBoolean()) {
      return Optional.of(new Outcome.Unwanted());
    }
    return System.nanoTime() - deadlineNanos > 0
        ? Optional.of(new Outcome.TimedOut())
        : Optional.empty();
  }

  /** Driver's thread: begins. */
  Driver.Ticket begin(Driver driver) {
    admittedNanos = System.nanoTime();
    Driver.Ticket given = driver.submit(run, this::snapshot);
    ticket = given;
    return given;
  }

  private void snapshot(Snapshot snapshot) {
    job.recording().ifPresent(each -> each.snapshot(snapshot));
    Driver.Ticket own = ticket;
    if (own == null) {
      throw new IllegalStateException("a text takes a step before it has begun");
    }
    if (job.logprobs().isPresent()) {
      remember(snapshot);
    }
    if (firstTokenNanos == 0 && !snapshot.commits().isEmpty()) {
      firstTokenNanos = System.nanoTime();
    }
    taken++;
    if (job.maxSteps().isPresent() && taken >= job.maxSteps().getAsInt()) {
      own.cancel();
    }
    if (job.hearsSteps() || !job.stop().isEmpty()) {
      tell(new Step(snapshot, own.generation(), run.settled(), run.cursor()));
    }
  }

  private void remember(Snapshot snapshot) {
    int[] rows = snapshot.rows();
    for (List<Commit> written : List.of(snapshot.commits(), snapshot.edits())) {
      for (Commit commit : written) {
        int row = Arrays.binarySearch(rows, commit.position());
        // A model that decodes asks the position before.
        int asked = row >= 0 ? row : Arrays.binarySearch(rows, commit.position() - 1);
        List<Alternative> others =
            asked < 0 ? List.of() : snapshot.predictions().get(asked).alternatives();
        choices.put(commit.position(), new Choice(commit, others));
      }
    }
  }

  private synchronized void tell(Step step) {
    if (steps.size() == (job.hearsSteps() ? MOST_STEPS : 1)) {
      steps.removeFirst();
      leftOut++;
    }
    steps.addLast(step);
    announce();
  }

  /** Driver's thread: it has ended. */
  synchronized void end(Outcome how) {
    outcome = how;
    announce();
  }

  /** Driver's thread: what came of it, now that its run takes no further step. */
  Outcome written() {
    Driver.Ticket own = ticket;
    if (own == null) {
      throw new IllegalStateException("a text ends before it has begun");
    }
    return own.failure().isPresent()
        ? new Outcome.Failed(own.failure().get())
        : new Outcome.Written(own.generation(), run.cursor());
  }

  private void announce() {
    if (!announced) {
      announced = true;
      news.add(this);
    }
  }

  long submittedNanos() {
    return submittedNanos;
  }

  long admittedNanos() {
    return admittedNanos;
  }

  /** When the first token was committed; 0 if none was. */
  long firstTokenNanos() {
    return firstTokenNanos;
  }
}
